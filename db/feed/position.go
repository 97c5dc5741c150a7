// Package feed keeps the change feed: it gives what runs changed its place in one order, and
// reads it in that order.
package feed

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
)

// Position is a place in the feed: what a reader has read when everything up to this change of
// this publication is read. The zero value is before everything.
type Position struct {
	Publication int64
	Change      int64
}

// ErrCursor: a text is no position.
var ErrCursor = errors.New("not a cursor of the change feed")

// EndOf is the position behind all that a publication tells.
func EndOf(publication int64) Position { return Position{publication, math.MaxInt64} }

// Before reports whether a position is before another one.
func (p Position) Before(o Position) bool {
	return p.Publication < o.Publication || p.Publication == o.Publication && p.Change < o.Change
}

// Cursor is the position as readers keep it.
func (p Position) Cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", p.Publication, p.Change))
}

// ParseCursor returns the position that a cursor stands for. It returns ErrCursor.
func ParseCursor(cursor string) (Position, error) {
	var p Position
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return p, ErrCursor
	}
	if _, err := fmt.Sscanf(string(text), "%d.%d", &p.Publication, &p.Change); err != nil ||
		p.Cursor() != cursor || p.Publication < 0 || p.Change < 0 {
		return Position{}, ErrCursor
	}
	return p, nil
}
