package directory

import (
	"fmt"
	"strings"
)

// Reason is why something of a run went wrong, said once for all objects that it
// concerns. It holds no personal data.
type Reason struct {
	// Type is what the objects are, "department" or "member"; empty where the reason
	// concerns the run, or names what it concerns itself.
	Type string `json:"type,omitempty"`
	Text string `json:"text"`
	// Count is how many objects it concerns.
	Count int `json:"count"`
	// IDs are the external ids of the first ones.
	IDs []string `json:"ids,omitempty"`
}

// String says the reason in one line, such as "12 departments (10, 11, 12 and 9 more): …".
func (r Reason) String() string {
	subject := r.subject(strings.Join(r.IDs, ", "))
	if subject == "" {
		return r.Text
	}
	return subject + ": " + r.Text
}

// subject is what the reason concerns: ids are the objects' as they are to be written.
func (r Reason) subject(ids string) string {
	switch {
	case r.Type == "" && r.Count > 1:
		return fmt.Sprintf("%d times", r.Count)
	case r.Type == "":
		return ""
	case r.Count == 1:
		return r.Type + " " + ids
	}
	if more := r.Count - len(r.IDs); more > 0 {
		ids += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%d %ss (%s)", r.Count, r.Type, ids)
}

// Lines are reasons one below the other.
func Lines(reasons []Reason) string {
	lines := make([]string, len(reasons))
	for i, r := range reasons {
		lines[i] = r.String()
	}
	return strings.Join(lines, "\n")
}
