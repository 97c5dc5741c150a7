package activities

import "github.com/orgsync/orgsync/internal/provider"

// paging watches over a listing that is read page by page, so that one which goes round
// in circles comes to an end.
type paging struct {
	*providerSession
	listing string // in words
	seen    map[string]bool
	empty   int
}

func (r *providerSession) paging(listing string) *paging {
	return &paging{providerSession: r, listing: listing, seen: map[string]bool{}}
}

// begin is asked before a page is read, with how many were before it.
func (p *paging) begin(pages int) error {
	if pages >= maxPages {
		return p.problem(provider.Malformed, "%s does not end", p.listing)
	}
	return nil
}

// turn is told of a page: which cursor it had, which the next one has, and how many
// records it brought, usable or not.
func (p *paging) turn(cursor, next string, records int) error {
	p.seen[cursor] = true
	if next != "" && p.seen[next] {
		return p.problem(provider.Malformed, "%s repeats a page token", p.listing)
	}
	if p.empty++; records > 0 {
		p.empty = 0
	}
	if p.empty > provider.MaxEmptyPages {
		return p.problem(provider.Malformed, "%s returns one empty page after another", p.listing)
	}
	return nil
}
