// Package access says who may do what: the roles, the one table of operations, how far a
// caller reaches, and what an API token looks like. It stores nothing and serves nothing.
package access

import "slices"

// Role is what a caller may do.
type Role string

// The roles.
const (
	// Admin also changes providers and tokens, and sees raw records and the audit log.
	Admin Role = "admin"
	// Operator also starts, decides and takes back runs, and sets schedules.
	Operator Role = "operator"
	// Reader reads the directory.
	Reader Role = "reader"
	// App resolves logins.
	App Role = "app"
)

// Roles are all roles.
var Roles = []Role{Admin, Operator, Reader, App}

// Known reports whether a role is one.
func Known(r Role) bool { return slices.Contains(Roles, r) }

// RoleNames are the roles as people write them.
func RoleNames() []string {
	names := make([]string, len(Roles))
	for i, role := range Roles {
		names[i] = string(role)
	}
	return names
}

// Reach is how far a caller sees: one tenant, one provider, or (zero) everything. What is
// beyond it does not exist for the caller.
type Reach struct {
	TenantID   string
	ProviderID string
}

// Unlimited reports whether a caller sees everything.
func (r Reach) Unlimited() bool { return r == Reach{} }

// Covers reports whether an object of a provider, which may have no tenant, is within reach.
func (r Reach) Covers(tenantID *string, providerID string) bool {
	if r.TenantID != "" && (tenantID == nil || *tenantID != r.TenantID) {
		return false
	}
	return r.ProviderID == "" || r.ProviderID == providerID
}

// Includes reports whether a caller with this reach may give the other one away.
// A provider belongs to one tenant: who reaches one provider gives nothing but that.
func (r Reach) Includes(other Reach) bool {
	return (r.TenantID == "" || r.TenantID == other.TenantID) &&
		(r.ProviderID == "" || r.ProviderID == other.ProviderID)
}

// Caller is who asks for something.
type Caller struct {
	// Name is who they are on record: a login name with its host, or "token NAME".
	Name string
	// Address is where they ask from, empty at the command line.
	Address string
	Role    Role
	Reach   Reach
}

// Scope is which objects an operation is about.
type Scope string

// The scopes.
const (
	// Listed: a list, which shows what the caller reaches.
	Listed Scope = "listed"
	// One: one object, which must be within the caller's reach.
	One Scope = "one"
	// Tenant: a new object of a tenant. A caller who reaches a single provider may not.
	Tenant Scope = "tenant"
)

// Operation is what the API calls an operation.
type Operation string

// Rule says who may do an operation, and to what.
type Rule struct {
	Roles []Role
	Scope Scope
}

// Refusal is why a caller may not do an operation.
type Refusal string

// The refusals.
const (
	Allowed        Refusal = ""
	RoleTooLow     Refusal = "role"
	ReachTooNarrow Refusal = "reach"
)

// Check says whether a caller may do an operation at all. Whether the object is within the
// caller's reach is asked when it is known. An operation that is not in the table is allowed to none.
func Check(c Caller, op Operation) Refusal {
	rule := Table[op]
	switch {
	case !slices.Contains(rule.Roles, c.Role):
		return RoleTooLow
	case rule.Scope == Tenant && c.Reach.ProviderID != "":
		return ReachTooNarrow
	}
	return Allowed
}
