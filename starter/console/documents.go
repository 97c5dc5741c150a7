package console

import "time"

// Link is what the command prints with --output json. The type is public: docs/cli-json.md is
// written from it.
type Link struct {
	// URL signs in once.
	URL       string    `json:"url"`
	Role      string    `json:"role"`
	ExpiresAt time.Time `json:"expires_at"`
}

// SignedOut is how many sessions were ended.
type SignedOut struct {
	Sessions int64 `json:"sessions"`
}
