package db

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

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

// ListingPage is a page of the list of groups, of what belongs to one, or of administrators.
type ListingPage struct {
	// ExternalID names the group; empty where there is one list of all.
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

// objects is how many objects the page brought.
func (p ListingPage) objects() int {
	return len(p.Groups) + len(p.Members) + len(p.Departments) + len(p.Administrators)
}

// Records is how many records the page had, those included that could not be used.
func (p ListingPage) Records() int { return p.objects() + p.Bad }

// BeginListing opens the one list of all objects of a kind, unless it is open already.
func (s *Store) BeginListing(ctx context.Context, runID string, kind directory.Kind) error {
	return interpret("open listing", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		return s.q.AddListings(ctx, tx, dbsqlc.AddListingsParams{
			RunID: runID, ObjectType: string(kind), ExternalIds: []string{""}, Listings: []string{""},
		})
	}))
}

// ListOpenListings returns up to limit listings of a kind that are still to be read, in the order
// of their ids, from the first after the given one on.
func (s *Store) ListOpenListings(ctx context.Context, runID string, kind directory.Kind, after string,
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

// StageListings writes pages of listings of a kind together with the cursors behind them, then
// ends the listings named. It returns those of them that lack all of something that the directory
// holds and were not asked for a second time: they have not ended.
func (s *Store) StageListings(ctx context.Context, runID string, kind directory.Kind, pages []ListingPage,
	ended []string) (again []string, err error) {
	err = s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if err := s.stageListings(ctx, tx, runID, kind, pages); err != nil {
			return err
		}
		complete, err := s.q.EndListings(ctx, tx, dbsqlc.EndListingsParams{
			RunID: runID, ObjectType: string(kind), ExternalIds: ended, ProviderID: &run.ProviderID,
		})
		again = slices.DeleteFunc(slices.Clone(ended), func(id string) bool { return slices.Contains(complete, id) })
		return err
	})
	return again, interpret("stage "+kind.String(), err)
}

func (s *Store) stageListings(ctx context.Context, tx pgx.Tx, runID string, kind directory.Kind,
	pages []ListingPage) error {
	for _, page := range pages {
		if len(page.Groups) == 0 {
			continue
		}
		if err := s.stageGroups(ctx, tx, runID, page); err != nil {
			return err
		}
	}
	if err := s.stageGroupMembers(ctx, tx, runID, pages); err != nil {
		return err
	}
	if err := s.stageAdministrators(ctx, tx, runID, pages); err != nil {
		return err
	}
	return s.advanceListings(ctx, tx, runID, kind, pages)
}

func (s *Store) stageAdministrators(ctx context.Context, tx pgx.Tx, runID string, pages []ListingPage) error {
	var ids, levels []string
	for _, page := range pages {
		for _, a := range page.Administrators {
			ids, levels = append(ids, a.Member), append(levels, string(a.Level))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return s.q.StageAdministrators(ctx, tx, dbsqlc.StageAdministratorsParams{
		RunID: runID, ExternalIds: ids, Levels: levels,
	})
}

// advanceListings adds the pages to the record of each listing, several of one together.
func (s *Store) advanceListings(ctx context.Context, tx pgx.Tx, runID string, kind directory.Kind,
	pages []ListingPage) error {
	type progress struct {
		ExternalID string `json:"external_id"`
		Cursor     string `json:"cursor"`
		Pages      int    `json:"pages"`
		Read       int    `json:"read"`
		Bad        int    `json:"bad"`
		Request    string `json:"request"`
	}
	listings := map[string]*progress{}
	for _, page := range pages {
		p := listings[page.ExternalID]
		if p == nil {
			p = &progress{ExternalID: page.ExternalID}
			listings[page.ExternalID] = p
		}
		p.Cursor, p.Request = page.Next, cmp.Or(page.Request, p.Request)
		p.Pages, p.Read, p.Bad = p.Pages+1, p.Read+page.objects(), p.Bad+page.Bad
	}
	body, err := json.Marshal(slices.Collect(maps.Values(listings)))
	if err != nil || len(listings) == 0 {
		return err
	}
	return s.q.AdvanceListings(ctx, tx, dbsqlc.AdvanceListingsParams{
		RunID: runID, ObjectType: string(kind), Progress: body,
	})
}

func (s *Store) stageGroups(ctx context.Context, tx pgx.Tx, runID string, page ListingPage) error {
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
	if err := s.q.StageGroups(ctx, tx, dbsqlc.StageGroupsParams{RunID: runID, Page: int32(page.Number),
		Groups: body}); err != nil {
		return err
	}
	return s.q.AddGroupListings(ctx, tx, dbsqlc.AddGroupListingsParams{
		RunID: runID, ExternalIds: ids, Listings: page.Methods,
	})
}

func (s *Store) stageGroupMembers(ctx context.Context, tx pgx.Tx, runID string, pages []ListingPage) error {
	type key struct {
		Group        string `json:"group_external_id"`
		ExternalID   string `json:"external_id"`
		IsDepartment bool   `json:"is_department"`
	}
	type row struct {
		key
		Scope []string `json:"scope"`
	}
	// One statement must not name a row twice.
	rows, known := []row{}, map[key]bool{}
	add := func(r row) {
		if !known[r.key] {
			known[r.key], rows = true, append(rows, r)
		}
	}
	for _, page := range pages {
		for _, m := range page.Members {
			add(row{key{page.ExternalID, m.Member, false}, m.Scope})
		}
		for _, id := range page.Departments {
			add(row{key{page.ExternalID, id, true}, nil})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return errors.New("a group's member could not be encoded")
	}
	return s.q.StageGroupMembers(ctx, tx, dbsqlc.StageGroupMembersParams{RunID: runID, Members: body})
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
		return s.addRunError(ctx, tx, runID, "warning", externalID, subject+": "+problem+"; nothing of it was removed")
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
		return s.addRunError(ctx, tx, runID, "warning", "", "groups: "+why+"; nothing of them was removed")
	}))
}
