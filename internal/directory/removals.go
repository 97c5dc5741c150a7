package directory

// Removals is what a held run planned to remove, as the person who decides needs to
// see it: figures and external ids.
type Removals = ByKind[Removal]

// Removal is what was planned for one kind of objects.
type Removal struct {
	// Planned would go of those There.
	Planned int `json:"planned"`
	There   int `json:"there"`
	// Limit is how many may go unasked; nil: no limit.
	Limit *int `json:"limit,omitempty"`
	// IDs are external ids of the first ones; a membership's is "PERSON in
	// DEPARTMENT", those of people who stay come first.
	IDs []string `json:"ids"`
}

// More is how many are planned beside those that IDs names.
func (r Removal) More() int { return max(0, r.Planned-len(r.IDs)) }
