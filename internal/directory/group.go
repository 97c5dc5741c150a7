package directory

import "encoding/json"

// GroupKind says what a provider calls its groups. The values are public: they stand in
// org_groups.kind.
type GroupKind string

// The kinds of group.
const (
	Role      GroupKind = "role"  // DingTalk
	UserGroup GroupKind = "group" // Feishu
	Tag       GroupKind = "tag"   // WeCom
)

// Group is a set of members that the company named: a role, a user group or a tag.
type Group struct {
	// ExternalID is the provider's id, kept to the byte: DingTalk's role id, Feishu's "id"
	// and WeCom's tag id.
	ExternalID string
	Kind       GroupKind
	// Name is nil where it was not sent.
	Name *string
	// Category is the name of DingTalk's role group; nil where the provider has none.
	Category *string
	// DeclaredMembers is the number of members who belong directly, by the provider's own
	// account, where it gives one. It may count members beyond the visible range.
	DeclaredMembers *int
	// Attributes are the facts that have no column of their own.
	Attributes Attributes
	// Raw is the provider's record, as normalize.JSON writes it, without figures that
	// change when members join or leave.
	Raw json.RawMessage
}

// The attributes of groups. Both are Feishu's.
const (
	Description Attribute = "description"
	// GroupType is "ordinary" or "dynamic": the members of a dynamic group follow from a rule.
	GroupType Attribute = "type"
)

// GroupMember is a member's place in a group.
type GroupMember struct {
	// Member is the member's id as the provider gives it: an external id or, at Feishu, an
	// open id.
	Member string
	// Scope is the area of management of a DingTalk role holder: the external ids of the
	// departments that it covers with everything below them. Nil where none was sent.
	Scope []string
}

// Administrator is a member who administers the company's account at the provider.
type Administrator struct {
	// Member is the member's id as the provider gives it: an external id or, at Feishu, an
	// open id.
	Member string
	Level  AdministratorLevel
}

// AdministratorLevel says how much an administrator may do: one of the levels below, or
// the provider's own word. The values are public: they stand in org_administrators.level.
type AdministratorLevel string

// The levels that providers have in common.
const (
	MainAdministrator AdministratorLevel = "main"
	SubAdministrator  AdministratorLevel = "sub"
)
