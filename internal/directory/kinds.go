package directory

import (
	"reflect"
	"strings"
)

// Kind names a kind of object. The values are public: they stand in org_changes.object_type.
type Kind string

// The kinds of objects.
const (
	KindDepartment Kind = "department"
	KindMember     Kind = "member"
	KindMembership Kind = "membership"
	KindGroup      Kind = "group"
	// KindGroupMembership is the place of a member, or of a whole department, in a group.
	KindGroupMembership Kind = "group_membership"
	KindAdministrator   Kind = "administrator"
)

// String is the kind's name for people.
func (k Kind) String() string { return strings.ReplaceAll(string(k), "_", " ") }

// Descriptor is what every step of the engine knows of a kind. What only some steps know,
// and Postgres is asked for, stands in package db (kinds.go).
type Descriptor struct {
	Kind Kind
	// Plural is the kind's name in figures, such as "members".
	Plural string
	// Place says that an object of the kind joins two others, and goes with either.
	Place bool
	// Limited says that the removal guard has a limit for the kind. What goes with something
	// else does not count: that has a limit of its own.
	Limited bool
	// LookedUp says that the provider is asked about each object before it is removed.
	LookedUp bool
}

// Kinds returns all kinds, each after those that it hangs on: objects are created in this
// order and removed in the opposite one.
func Kinds() []Descriptor {
	return []Descriptor{
		{Kind: KindDepartment, Plural: "departments", Limited: true, LookedUp: true},
		{Kind: KindMember, Plural: "members", Limited: true, LookedUp: true},
		{Kind: KindMembership, Plural: "memberships", Place: true},
		{Kind: KindGroup, Plural: "groups", Limited: true},
		{Kind: KindGroupMembership, Plural: "group memberships", Place: true, Limited: true},
		{Kind: KindAdministrator, Plural: "administrators", Place: true, Limited: true},
	}
}

// ByKind has one value for each kind, in the order of Kinds.
type ByKind[T any] struct {
	Departments      T `json:"departments"`
	Members          T `json:"members"`
	Memberships      T `json:"memberships"`
	Groups           T `json:"groups"`
	GroupMemberships T `json:"group_memberships"`
	Administrators   T `json:"administrators"`
}

// Of returns the place of a kind's value.
func (b *ByKind[T]) Of(kind Kind) *T {
	for i, d := range Kinds() {
		if d.Kind == kind {
			return reflect.ValueOf(b).Elem().Field(i).Addr().Interface().(*T)
		}
	}
	panic("unknown kind " + string(kind))
}

// PerKind is how many objects of each kind something concerns.
type PerKind = ByKind[int]

// Sum adds up the numbers of all kinds.
func Sum(n PerKind) (total int) {
	for _, d := range Kinds() {
		total += *n.Of(d.Kind)
	}
	return total
}
