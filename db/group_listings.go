package db

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// OpenListing is a listing that has neither ended nor failed.
type OpenListing struct {
	// ExternalID names the group; empty where there is one list of all.
	ExternalID string
	// Method is how it is listed, in the client's word.
	Method     string
	Cursor     string
	Pages      int
	AskedTwice bool
}

// ListingPage is a page of the list of groups, of what belongs to one, or of administrators:
// Kind says of which.
type ListingPage struct {
	RunID      string
	Kind       directory.Kind
	ExternalID string
	Number     int
	// Next is the cursor of the page that follows; Bad is how many records could not be used.
	Next    string
	Bad     int
	Request string

	Groups []directory.Group
	// Methods are how what belongs to each of the groups is listed.
	Methods        []string
	Members        []directory.GroupMember
	Departments    []string
	Administrators []directory.Administrator
}

// BeginListing opens the one list of all objects of a kind, unless it is open already.
func (s *Store) BeginListing(ctx context.Context, runID string, kind directory.Kind) error {
	return interpret("open listing", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		return s.q.AddListings(ctx, tx, dbsqlc.AddListingsParams{
			RunID: runID, ObjectType: string(kind), ExternalIds: []string{""}, Listings: []string{""},
		})
	}))
}

// OpenListings returns up to limit listings of a kind that are still to be read, in the order
// of their ids, from the first after the given one on.
func (s *Store) OpenListings(ctx context.Context, runID string, kind directory.Kind, after string,
	limit int) ([]OpenListing, error) {
	rows, err := s.q.ListOpenListings(ctx, s.pool, dbsqlc.ListOpenListingsParams{
		RunID: runID, ObjectType: string(kind), After: after, MaxRows: int32(limit),
	})
	out := make([]OpenListing, len(rows))
	for i, r := range rows {
		out[i] = OpenListing{ExternalID: r.ExternalID, Method: r.Listing, Cursor: r.Cursor, Pages: int(r.Pages),
			AskedTwice: r.AskedTwice}
	}
	return out, interpret("find open listings", err)
}

// StageListing writes a page together with the cursor behind it.
func (s *Store) StageListing(ctx context.Context, page ListingPage) error {
	return interpret("stage "+page.Kind.String(),
		s.inFence(ctx, page.RunID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
			n, err := s.stageListing(ctx, tx, page)
			if err != nil {
				return err
			}
			return s.q.AdvanceListing(ctx, tx, dbsqlc.AdvanceListingParams{
				RunID: page.RunID, ObjectType: string(page.Kind), ExternalID: page.ExternalID,
				Cursor: page.Next, Read: int32(n), Bad: int32(page.Bad), Request: page.Request,
			})
		}))
}

// stageListing returns how many objects the page brought.
func (s *Store) stageListing(ctx context.Context, tx pgx.Tx, page ListingPage) (int, error) {
	switch {
	case len(page.Groups) > 0:
		return len(page.Groups), s.stageGroups(ctx, tx, page)
	case len(page.Members)+len(page.Departments) > 0:
		return len(page.Members) + len(page.Departments), s.stageGroupMembers(ctx, tx, page)
	case len(page.Administrators) > 0:
		ids, levels := make([]string, len(page.Administrators)), make([]string, len(page.Administrators))
		for i, a := range page.Administrators {
			ids[i], levels[i] = a.Member, string(a.Level)
		}
		return len(ids), s.q.StageAdministrators(ctx, tx, dbsqlc.StageAdministratorsParams{
			RunID: page.RunID, ExternalIds: ids, Levels: levels,
		})
	}
	return 0, nil
}

func (s *Store) stageGroups(ctx context.Context, tx pgx.Tx, page ListingPage) error {
	type row struct {
		ExternalID string               `json:"external_id"`
		Kind       string               `json:"kind"`
		Name       *string              `json:"name"`
		Category   *string              `json:"category"`
		Attributes directory.Attributes `json:"attributes"`
		Raw        json.RawMessage      `json:"raw"`
	}
	rows, ids := make([]row, len(page.Groups)), make([]string, len(page.Groups))
	for i, g := range page.Groups {
		ids[i] = g.ExternalID
		rows[i] = row{g.ExternalID, string(g.Kind), g.Name, g.Category, g.Attributes, g.Raw}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return errors.New("a group could not be encoded")
	}
	if err := s.q.StageGroups(ctx, tx, dbsqlc.StageGroupsParams{RunID: page.RunID, Page: int32(page.Number),
		Groups: body}); err != nil {
		return err
	}
	return s.q.AddListings(ctx, tx, dbsqlc.AddListingsParams{
		RunID: page.RunID, ObjectType: string(directory.KindGroupMembership), ExternalIds: ids, Listings: page.Methods,
	})
}

func (s *Store) stageGroupMembers(ctx context.Context, tx pgx.Tx, page ListingPage) error {
	type row struct {
		ExternalID   string   `json:"external_id"`
		IsDepartment bool     `json:"is_department"`
		Scope        []string `json:"scope"`
	}
	type key struct {
		id           string
		isDepartment bool
	}
	// One statement must not name a row twice.
	rows, known := []row{}, map[key]bool{}
	add := func(r row) {
		if k := (key{r.ExternalID, r.IsDepartment}); !known[k] {
			known[k], rows = true, append(rows, r)
		}
	}
	for _, m := range page.Members {
		add(row{ExternalID: m.Member, Scope: m.Scope})
	}
	for _, id := range page.Departments {
		add(row{ExternalID: id, IsDepartment: true})
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return errors.New("a group's member could not be encoded")
	}
	return s.q.StageGroupMembers(ctx, tx, dbsqlc.StageGroupMembersParams{
		RunID: page.RunID, GroupExternalID: page.ExternalID, Members: body,
	})
}

// RestartListing lets a listing be read from its first page on. again says that it was empty
// and is asked for once more.
func (s *Store) RestartListing(ctx context.Context, runID string, kind directory.Kind, externalID string,
	again bool) error {
	return interpret("restart listing", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		if err := s.q.DropStagedGroupMembers(ctx, tx, dbsqlc.DropStagedGroupMembersParams{
			RunID: runID, GroupExternalID: externalID,
		}); err != nil {
			return err
		}
		return s.q.RestartListing(ctx, tx, dbsqlc.RestartListingParams{
			RunID: runID, ObjectType: string(kind), ExternalID: externalID, AskedTwice: again,
		})
	}))
}

// EndListing marks a listing whose last page came. It returns false for one that is empty
// although the directory holds something of it, and was not asked for a second time.
func (s *Store) EndListing(ctx context.Context, runID string, kind directory.Kind,
	externalID string) (ended bool, err error) {
	err = s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		_, err := s.q.EndListing(ctx, tx, dbsqlc.EndListingParams{
			RunID: runID, ObjectType: string(kind), ExternalID: externalID, ProviderID: &run.ProviderID,
		})
		ended = err == nil
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return ended, interpret("end listing", err)
}

// FailListing notes why a listing was not read to its end. What is tolerated counts as no
// failure: a permission that is missing is for the provider's test to tell.
func (s *Store) FailListing(ctx context.Context, runID string, kind directory.Kind, externalID, problem string,
	tolerated bool) error {
	return interpret("note why a listing failed", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		err := s.q.FailListing(ctx, tx, dbsqlc.FailListingParams{
			RunID: runID, ObjectType: string(kind), ExternalID: externalID, Error: problem, Tolerated: tolerated,
		})
		if err != nil || tolerated {
			return err
		}
		subject := kind.String() + "s"
		if externalID != "" {
			subject = string(directory.KindGroup) + " " + externalID
		}
		return s.q.AddRunError(ctx, tx, dbsqlc.AddRunErrorParams{
			RunID: runID, ObjectType: "warning", ExternalID: externalID,
			Message: subject + ": " + problem + "; nothing of it was removed",
		})
	}))
}

// DisregardListings lets no listing of groups and administrators count as read to the end, and
// notes why.
func (s *Store) DisregardListings(ctx context.Context, runID, why string) error {
	return interpret("disregard listings", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		if err := s.q.DisregardListings(ctx, tx, dbsqlc.DisregardListingsParams{
			RunID: runID, Error: why,
		}); err != nil {
			return err
		}
		return s.q.AddRunError(ctx, tx, dbsqlc.AddRunErrorParams{
			RunID: runID, ObjectType: "warning", Message: "groups: " + why + "; nothing of them was removed",
		})
	}))
}
