package report

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// MemberDetails is everything known of one member, but for the provider's record.
type MemberDetails struct {
	ID, ExternalID, UnionID, OpenID  string
	Name, Translit, TranslitInitials string
	Email, Phone, AvatarURL, Title   string
	EmployeeNo                       string
	Status                           string
	Activated                        bool
	// Attributes are the facts without a column of their own: a JSON object.
	Attributes json.RawMessage
	// Places are where the member works, the primary department first.
	Places []MemberPlace
	// Groups are those to which the member belongs, directly or through a department.
	Groups []MemberGroup
	// Manager is the direct manager, nil if the provider names none. The one it names may
	// not be among the members; nothing but how it names them is known then.
	Manager *MemberManager
	// Account is the platform's account that the member is linked to, nil if there is none.
	Account *MemberAccount
	// OfflineAt is since when the member is marked as having left here, nil if they are not.
	OfflineAt *time.Time
	// SyncedAt is when the row was last written.
	SyncedAt time.Time
}

// MemberPlace is a department in which a member works.
type MemberPlace struct {
	ID, ExternalID, Name, Path string
	Primary, Leader            bool
	SortOrder                  *int64
}

// MemberManager is a member's direct manager.
type MemberManager struct {
	// ID is empty if they are not among the members.
	ID, ExternalID, Name string
}

// MemberAccount is an account of the platform.
type MemberAccount struct {
	ID string
	// Name is empty where the platform's own table does not let it be read.
	Name string
}

// notReadable are the SQLSTATEs of a table of the platform's own that keeps its names from
// us or has none.
var notReadable = []string{"42501", "42703"}

// detailsOf is what a member's own row says.
func detailsOf(m dbsqlc.OrgMember) MemberDetails {
	return MemberDetails{
		ID: m.ID, ExternalID: m.ExternalID, UnionID: pg.OrZero(m.Unionid), OpenID: pg.OrZero(m.OpenID),
		Name: m.Name, Translit: m.NameTranslitFull, TranslitInitials: m.NameTranslitInitial,
		Email: pg.OrZero(m.Email), Phone: pg.OrZero(m.Phone), AvatarURL: pg.OrZero(m.AvatarUrl),
		Title:      pg.OrZero(m.Title),
		EmployeeNo: pg.OrZero(m.EmployeeNo), Status: m.Status, Activated: m.Activated,
		Attributes: m.Attributes, OfflineAt: m.OfflineAt, SyncedAt: m.SyncedAt,
	}
}

// GetMember returns everything known of a member, deleted or not.
func (s *Store) GetMember(ctx context.Context, id string) (MemberDetails, error) {
	r, err := s.q.GetMember(ctx, s.pool, id)
	if err != nil {
		return MemberDetails{}, pg.Interpret("read member", err)
	}
	places, err := s.q.ListMemberPlaces(ctx, s.pool, id)
	if err != nil {
		return MemberDetails{}, pg.Interpret("read member's departments", err)
	}
	m := r.OrgMember
	out := detailsOf(m)
	for _, p := range places {
		out.Places = append(out.Places, MemberPlace{
			ID: p.ID, ExternalID: p.ExternalID, Name: p.Name, Path: p.Path,
			Primary: p.IsPrimary, Leader: p.IsLeader, SortOrder: p.SortOrder,
		})
	}
	if out.Groups, err = s.memberGroups(ctx, id); err != nil {
		return MemberDetails{}, err
	}
	switch {
	case m.ManagerID != nil:
		out.Manager = &MemberManager{ID: *m.ManagerID, ExternalID: r.Manager, Name: r.ManagerName}
	case m.ManagerExternalID != nil:
		out.Manager = &MemberManager{ExternalID: *m.ManagerExternalID}
	}
	if m.UserID == nil {
		return out, nil
	}
	out.Account = &MemberAccount{ID: *m.UserID}
	out.Account.Name, err = s.q.GetAccountName(ctx, s.pool, *m.UserID)
	if errors.Is(err, pgx.ErrNoRows) {
		return out, nil
	}
	return out, pg.Interpret("read account", unlessNotReadable(err))
}

// unlessNotReadable is an error that is none where the platform keeps its accounts' names from us.
func unlessNotReadable(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && slices.Contains(notReadable, refused.Code) {
		return nil
	}
	return err
}

// CandidateNames returns the names of the accounts that a person may link these members to, by
// their ids, as far as they can be read.
func (s *Store) CandidateNames(ctx context.Context, members []string) (map[string]string, error) {
	rows, err := s.q.ListCandidateNames(ctx, s.pool, members)
	names := make(map[string]string, len(rows))
	for _, r := range rows {
		names[r.ID] = r.DisplayName
	}
	return names, pg.Interpret("read accounts", unlessNotReadable(err))
}
