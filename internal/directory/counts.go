package directory

import "reflect"

// Counts is what a run did, as SyncOrg returns it and sync_runs keeps it. An
// object is counted once, under the first that applies of created, restored,
// moved, deactivated, updated, unchanged. Its fields are the kinds in the order of Kinds, and
// the fields of each what is counted of it.
type Counts struct {
	Departments DepartmentCounts `json:"departments"`
	Members     MemberCounts     `json:"members"`
	Memberships MembershipCounts `json:"memberships"`
	// A group that could not be read to the end, or whose list could not, is Failed.
	Groups           GroupCounts         `json:"groups"`
	GroupMemberships MembershipCounts    `json:"group_memberships"`
	Administrators   AdministratorCounts `json:"administrators"`
}

// Set notes how many objects of a kind something happened to, such as "created", if that is
// counted of the kind.
func (c *Counts) Set(kind Kind, what string, n int) {
	if field := c.field(kind, what); field.IsValid() {
		field.SetInt(int64(n))
	}
}

// Get returns how many objects of a kind something happened to, 0 if that is not counted.
//
//workflowcheck:ignore
func (c *Counts) Get(kind Kind, what string) int {
	if field := c.field(kind, what); field.IsValid() {
		return int(field.Int())
	}
	return 0
}

func (c *Counts) field(kind Kind, what string) reflect.Value {
	for i, d := range Kinds() {
		if d.Kind != kind {
			continue
		}
		counts := reflect.ValueOf(c).Elem().Field(i)
		for j := range counts.NumField() {
			if counts.Type().Field(j).Tag.Get("json") == what {
				return counts.Field(j)
			}
		}
	}
	return reflect.Value{}
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
	// AccountCreated are those linked members whose account the run had created.
	AccountCreated int `json:"account_created"`
}

// GroupCounts counts groups.
type GroupCounts struct {
	Read      int `json:"read"`
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Restored  int `json:"restored"`
	Deleted   int `json:"deleted"`
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed"`
}

// AdministratorCounts counts administrators.
type AdministratorCounts struct {
	Read    int `json:"read"`
	Created int `json:"created"`
	Updated int `json:"updated"`
	Deleted int `json:"deleted"`
	Failed  int `json:"failed"`
}

// MembershipCounts counts places of members in departments, or of members and departments
// in groups.
type MembershipCounts struct {
	Created int `json:"created"`
	Deleted int `json:"deleted"`
}
