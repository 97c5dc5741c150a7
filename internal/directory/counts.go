package directory

// Counts is what a run did, as SyncOrg returns it and sync_runs keeps it. An
// object is counted once, under the first that applies of created, restored,
// moved, deactivated, updated, unchanged.
type Counts struct {
	Departments DepartmentCounts `json:"departments"`
	Members     MemberCounts     `json:"members"`
	Memberships MembershipCounts `json:"memberships"`
}

// DepartmentCounts counts departments; Failed are those whose children or
// members could not be read to the end.
type DepartmentCounts struct {
	Read      int `json:"read"`
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Moved     int `json:"moved"`
	Restored  int `json:"restored"`
	Deleted   int `json:"deleted"`
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed"`
}

// MemberCounts counts people, each once however many departments they are in;
// Failed are records that could not be used or told apart. Linked people are
// counted there beside whatever else happened to them.
type MemberCounts struct {
	Read        int `json:"read"`
	Created     int `json:"created"`
	Updated     int `json:"updated"`
	Moved       int `json:"moved"`
	Restored    int `json:"restored"`
	Deactivated int `json:"deactivated"`
	Deleted     int `json:"deleted"`
	Unchanged   int `json:"unchanged"`
	Failed      int `json:"failed"`
	Linked      int `json:"linked"`
}

// MembershipCounts counts places of members in departments.
type MembershipCounts struct {
	Created int `json:"created"`
	Deleted int `json:"deleted"`
}
