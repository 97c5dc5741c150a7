package cli

import "github.com/orgsync/orgsync/internal/service"

// Failed is the JSON that every command prints that fails before it has printed a document.
type Failed struct {
	Error      string `json:"error"`
	ExitStatus int    `json:"exit_status"`
	// Matches are what a text may mean that was to mean one thing.
	Matches []Object `json:"matches,omitempty"`
}

// Object is a member or department in JSON.
type Object struct {
	// Type is "member" or "department".
	Type       string `json:"object_type"`
	ID         string `json:"id"`
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	// Path is a department's own, a member's primary department's.
	Path string `json:"path"`
}

// matchesOf are the objects that an error names.
func matchesOf(err error) []Object {
	return Each(service.Classify(err).Args.Matches, func(o service.Object) Object { return Object(o) })
}

// Each makes a list of another type, which is never nil: JSON has no null for a list.
func Each[From, To any](list []From, to func(From) To) []To {
	out := make([]To, len(list))
	for i, one := range list {
		out[i] = to(one)
	}
	return out
}
