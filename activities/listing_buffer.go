package activities

import (
	"context"
	"sync"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// maxBufferedPages and maxBufferedRecords bound what is kept back before it is written: so much
// is read again after a crash.
const (
	maxBufferedPages   = 50
	maxBufferedRecords = 2000
)

// listingBuffer keeps back pages of listings of one kind, and which of these have ended, so that
// many small ones share a transaction.
type listingBuffer struct {
	mu      sync.Mutex
	pages   []db.ListingPage
	records int
	ended   []string
}

// add takes a page.
func (g *groupReading) add(ctx context.Context, kind directory.Kind, page db.ListingPage) error {
	b := &g.buffer
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pages, b.records = append(b.pages, page), b.records+page.Records()
	if len(b.pages) < maxBufferedPages && b.records < maxBufferedRecords {
		return nil
	}
	return g.write(ctx, kind)
}

// ended takes the end of a listing whose pages were added.
func (g *groupReading) ended(id string) {
	g.buffer.mu.Lock()
	defer g.buffer.mu.Unlock()
	g.buffer.ended = append(g.buffer.ended, id)
}

// flush writes what is kept back.
func (g *groupReading) flush(ctx context.Context, kind directory.Kind) error {
	g.buffer.mu.Lock()
	defer g.buffer.mu.Unlock()
	return g.write(ctx, kind)
}

// write empties the buffer, which is locked. What cannot be written is read again by the next
// attempt. Listings that lack what is stored are asked for once more.
func (g *groupReading) write(ctx context.Context, kind directory.Kind) error {
	b := &g.buffer
	pages, ended := b.pages, b.ended
	b.pages, b.records, b.ended = nil, 0, nil
	if len(pages)+len(ended) == 0 {
		return nil
	}
	again, err := g.store.StageListings(ctx, g.runID, kind, pages, ended)
	g.askAgain(kind, again...)
	return err
}
