package application

import "time"

// What these commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// View is an application.
type View struct {
	Name string `json:"name"`
	// ReturnTo are the addresses that people may be sent back to.
	ReturnTo  []string  `json:"return_to"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by,omitempty"`
}

// Added is what was registered.
type Added struct {
	Name     string   `json:"name"`
	ReturnTo []string `json:"return_to"`
}

// Removed is an application that was removed.
type Removed struct {
	Name string `json:"name"`
}
