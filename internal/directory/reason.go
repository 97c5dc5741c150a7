package directory

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
