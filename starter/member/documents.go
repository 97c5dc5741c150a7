package member

import (
	"encoding/json"
	"time"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// What these commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// Shown is everything known of a person.
type Shown struct {
	ID              string `json:"id"`
	ExternalID      string `json:"external_id"`
	UnionID         string `json:"unionid,omitempty"`
	OpenID          string `json:"open_id,omitempty"`
	Name            string `json:"name"`
	TranslitFull    string `json:"name_translit_full"`
	TranslitInitial string `json:"name_translit_initial"`
	Email           string `json:"email,omitempty"`
	Phone           string `json:"phone,omitempty"`
	AvatarURL       string `json:"avatar_url,omitempty"`
	Title           string `json:"title,omitempty"`
	EmployeeNo      string `json:"employee_no,omitempty"`
	Status          string `json:"status"`
	Activated       bool   `json:"activated"`
	// Attributes are the other facts, as in org_members.attributes.
	Attributes json.RawMessage `json:"attributes"`
	// Places are the departments in which the person works, the primary one first.
	Places []Place `json:"places"`
	// Groups are those to which the person belongs, directly or through a department.
	Groups []MemberGroup `json:"member_groups"`
	// Manager is null if the provider names none, Account if the person is linked to none.
	Manager *Manager `json:"manager"`
	Account *Account `json:"account"`
	// SignatureURL is the address of the person's signature image.
	SignatureURL string `json:"signature_url,omitempty"`
	// OfflineAt is since when the person is marked as having left here, null if they are not.
	OfflineAt *time.Time `json:"offline_at"`
	// SyncedAt is when the row was last written.
	SyncedAt time.Time `json:"synced_at"`
}

// Place is a department in which a person works.
type Place struct {
	ID         string `json:"id"`
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Path       string `json:"path"`
	Primary    bool   `json:"is_primary"`
	Leader     bool   `json:"is_leader"`
	SortOrder  *int64 `json:"sort_order"`
}

// MemberGroup is a role, user group or tag to which a person belongs.
type MemberGroup struct {
	ID         string `json:"id"`
	ExternalID string `json:"external_id"`
	Kind       string `json:"group_kind"`
	Name       string `json:"name"`
	Category   string `json:"category,omitempty"`
	Direct     bool   `json:"is_direct"`
}

// Manager is a person's direct manager. One who is not among the members has no id and name,
// and the provider's own word for them as the external id.
type Manager struct {
	ID         string `json:"id,omitempty"`
	ExternalID string `json:"external_id"`
	Name       string `json:"name,omitempty"`
}

// Account is an account of the platform.
type Account struct {
	ID   string `json:"id"`
	Name string `json:"display_name,omitempty"`
}

func shownOf(m service.Member, signature service.Signature) Shown {
	return Shown{
		ID: m.ID, ExternalID: m.ExternalID, UnionID: m.UnionID, OpenID: m.OpenID, Name: m.Name,
		TranslitFull: m.Translit, TranslitInitial: m.TranslitInitials, Email: m.Email, Phone: m.Phone,
		AvatarURL: m.AvatarURL, Title: m.Title, EmployeeNo: m.EmployeeNo, Status: m.Status, Activated: m.Activated,
		Attributes: m.Attributes, Manager: (*Manager)(m.Manager), Account: (*Account)(m.Account),
		SignatureURL: signature.URL, OfflineAt: m.OfflineAt, SyncedAt: m.SyncedAt,
		Places: cli.Each(m.Places, func(p service.MemberPlace) Place { return Place(p) }),
		Groups: cli.Each(m.Groups, func(g service.MemberGroup) MemberGroup { return MemberGroup(g) }),
	}
}

// Signature is a person's signature image.
type Signature struct {
	MemberID   string `json:"member_id"`
	ExternalID string `json:"external_id"`
	// URL and UpdatedAt are null if the person has none.
	URL       *string    `json:"url"`
	UpdatedAt *time.Time `json:"updated_at"`
}

func signatureOf(m service.Member, signature service.Signature) Signature {
	out := Signature{MemberID: m.ID, ExternalID: m.ExternalID}
	if signature.URL != "" {
		out.URL, out.UpdatedAt = &signature.URL, &signature.UpdatedAt
	}
	return out
}
