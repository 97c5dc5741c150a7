package provider

import "strings"

// MaxID is how many bytes an id of a provider may have, and a page's cursor. The longest documented ids have 64
// (dingtalk.md §3.1, wecom.md §3.3); what is longer than this does not fit an index row of Postgres (2,704 bytes)
// together with a second one.
const MaxID = 512

// MaxEmptyPages is how many pages of a listing may come empty one after the other while each names a new next one.
// Where a provider leaves out what is out of sight only after it has cut the pages, some do: this many are thousands of
// hidden records, even at the smallest page size (50). A listing that never ends costs no more calls than this.
const MaxEmptyPages = 100

// IDProblem says why a text cannot be an id or a cursor, or "" if it can. Clients ask it of each that they decode: an id
// that Postgres cannot store or index would end the run instead of costing the one record.
func IDProblem(text string) string {
	switch {
	case len(text) > MaxID:
		return "is longer than 512 bytes"
	case strings.Contains(text, "\x00"):
		return "contains U+0000"
	default:
		return ""
	}
}
