package feed

import (
	"encoding/json"
	"time"
)

// Document is an event as applications get it as JSON. Cursor is its position; Object the object as
// it is now; Previous the columns that changed, as they were. Run is nil where a provider was removed.
type Document struct {
	Cursor   string          `json:"cursor"`
	Type     string          `json:"type"`
	Time     time.Time       `json:"time"`
	Provider string          `json:"provider"`
	Run      *string         `json:"run"`
	Object   json.RawMessage `json:"object"`
	Previous json.RawMessage `json:"previous"`
}

// Document returns the event as applications get it.
func (e Event) Document() Document {
	d := Document{
		Cursor: e.Position.Cursor(), Type: e.Type, Time: e.Time, Provider: e.Provider,
		Object: e.Object, Previous: e.Previous,
	}
	if e.RunID != "" {
		d.Run = &e.RunID
	}
	return d
}
