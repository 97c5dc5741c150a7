// Package rules says what of a provider's company belongs in the directory, and what is
// made of members' fields: one document a provider, in YAML or JSON, whose expressions are
// CEL. It parses documents strictly, compiles them, and evaluates them on one member at a
// time. It performs no I/O.
package rules

// Rules are what one document says. What it leaves out has its default.
type Rules struct {
	Scope    Scope
	Mappings []Mapping
	Accounts Accounts
}

// Scope says which departments and members belong in the directory.
type Scope struct {
	// Include and Exclude are departments by external id, each with what is below it.
	// Without Include every department is included.
	Include, Exclude []string
	// Members is the expression that is true for members who belong; empty: all do.
	Members string
	// Groups and Administrators say whether the kinds are read at all.
	Groups, Administrators bool
	// Details says whether facts that only single look-ups show are looked up.
	Details bool
}

// Limited reports whether the scope leaves departments out.
func (s Scope) Limited() bool { return len(s.Include)+len(s.Exclude) > 0 }

// Mapping sets one field of members. Exactly one of Source, Constant and Expression is set.
type Mapping struct {
	// Target is the field that is set: see Targets.
	Target string
	// Source names another field, such as employee_no or raw.job_number.
	Source string
	// Constant is the value for every member.
	Constant string
	// Expression is the CEL expression whose value it is.
	Expression string
	// Default takes the place of no value, nil: the field is cleared then.
	Default *string
	// OnCreate says that the field is only set where the member is new.
	OnCreate bool
}

// Accounts says how members are linked to the platform's accounts.
type Accounts struct {
	Policy        Policy
	Match         []Key
	FollowContact bool
	OnLeave       Leave
}

// Policy says what is done about members without an account.
type Policy string

// Policies of accounts.
const (
	PolicyNone         Policy = "none"
	PolicyLink         Policy = "link"
	PolicyLinkOrCreate Policy = "link_or_create"
)

// Key is what a member's account is found by.
type Key string

// Keys of accounts.
const (
	KeyEmail Key = "email"
	KeyPhone Key = "phone"
)

// Leave says what becomes of the link of a member who leaves.
type Leave string

// What becomes of links.
const (
	LeaveKeep   Leave = "keep"
	LeaveUnlink Leave = "unlink"
)

// Default returns the rules of a provider without any: every member belongs, nothing is mapped.
func Default() Rules {
	return Rules{
		Scope: Scope{Groups: true, Administrators: true},
		Accounts: Accounts{
			Policy: PolicyLink, Match: []Key{KeyEmail, KeyPhone}, FollowContact: true, OnLeave: LeaveKeep,
		},
	}
}

// Limits of a document.
const (
	MaxDocument   = 64 << 10
	MaxExpression = 4 << 10
	MaxMappings   = 50
)
