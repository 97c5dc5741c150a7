// Package directory holds the words the whole project shares: departments,
// members and memberships as a provider describes them, before anything is
// compared with the database. It performs no I/O and imports nothing of ours.
//
// Optional fields are pointers. nil means that the provider did not send the
// field (usually for want of a permission) and the stored value must stay as it
// is; a pointer to an empty value means that the provider sent it empty, which
// clears the stored value.
package directory

import "encoding/json"

// ProviderType names a kind of source. The values are public: they stand in
// identity_providers.provider_type.
type ProviderType string

// The supported kinds of source.
const (
	Feishu   ProviderType = "feishu"
	DingTalk ProviderType = "dingtalk"
	WeCom    ProviderType = "wecom"
)

// Department is one node of a company's tree.
type Department struct {
	// ExternalID is the provider's id, kept to the byte: Feishu
	// open_department_id (root "0"), DingTalk and WeCom the decimal id (root "1").
	ExternalID string
	// ParentID is the parent's external id, empty for the root. It may name a
	// department that is outside the visible range.
	ParentID string
	// Name is nil where only ids can be read (WeCom contact sync).
	Name *string
	// SortOrder is the provider's own figure; its direction differs by provider.
	SortOrder *int64
	// DeclaredMembers is the number of distinct people in the department and
	// everything below it by the provider's own account, where it gives one.
	DeclaredMembers *int
	// Leaders are the leaders' member ids (external or open ids), nil where the
	// provider marks leaders on the member's record or does not send them.
	Leaders []string
	// Raw is the provider's record, as normalize.JSON writes it, without figures that
	// change when people move (head counts), so that it differs only when the
	// department does. Nil where it could not be read.
	Raw json.RawMessage
}

// Status says whether a member works there.
type Status string

// The states of a member. Deleted on a listed record (WeCom status 5) means that
// the provider itself says the person is gone.
const (
	Active   Status = "active"
	Inactive Status = "inactive"
	Deleted  Status = "deleted"
)

// Member is one person as one listing shows them.
type Member struct {
	// ExternalID is Feishu user_id, else open_id; DingTalk and WeCom userid.
	// Never empty.
	ExternalID string
	// ExternalIDIsFallback is true when ExternalID stands in for a better id
	// that was not sent (Feishu open_id for user_id): it then finds people but
	// never replaces a stored external id.
	ExternalIDIsFallback bool
	// UnionID and OpenID are empty where the provider has or sends none.
	UnionID string
	OpenID  string

	// Profile is what the record says of the member's fields.
	Profile

	// Memberships are the departments this listing places the person in. A
	// department's own listing gives exactly one; a listing of individually
	// granted people may give none.
	Memberships []Membership
	// Raw is the provider's record, as normalize.JSON writes it, without what only holds
	// for the department that was asked (DingTalk leader, dept_order), so that every
	// listing of a person yields the same value.
	Raw json.RawMessage
	// RawKeeps are fields that other calls send of a person and the one that brought the
	// record does not: what is stored of them stays.
	RawKeeps []string
}

// Membership places a member in a department.
type Membership struct {
	// DepartmentID is the department's external id.
	DepartmentID string
	// PrimaryRank is how strongly the provider calls this the person's main
	// department: the highest rank of a person wins, nil means it does not say.
	PrimaryRank *int64
	// Leader is nil where the department's record names the leaders instead.
	Leader *bool
	// SortOrder is the provider's own figure; its direction differs by provider.
	SortOrder *int64
}
