package db

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/internal/directory"
)

// Object is a member, department or group of the directory, deleted or not.
type Object struct {
	// Type is "member", "department" or "group".
	Type       string
	ID         string
	ExternalID string
	Name       string
	Status     string
	// Path is a department's own, a member's primary department's, a group's category.
	Path string
}

// FindObjects returns what of a provider a text may mean, deleted ones too, by the best
// kind of match alone: id, union id, open id or row id; e-mail, phone or employee number; a
// whole name or its pinyin; a part of it. Where nothing matches, what was once called so or
// had such an id, e-mail or phone. Ids are kept as the provider sends them, also with blanks
// around them: only where nothing is called exactly so, blanks around the text do not count.
func (s *Store) FindObjects(ctx context.Context, providerID, text string, limit int) ([]Object, error) {
	return s.objects(ctx, "", providerID, text, limit)
}

// FindMembers is Objects without departments and groups.
func (s *Store) FindMembers(ctx context.Context, providerID, text string, limit int) ([]Object, error) {
	return s.objects(ctx, "member", providerID, text, limit)
}

func (s *Store) objects(ctx context.Context, kind, providerID, text string, limit int) ([]Object, error) {
	out, err := s.find(ctx, kind, providerID, text, limit)
	if trimmed := strings.TrimSpace(text); err == nil && len(out) == 0 && trimmed != text {
		return s.find(ctx, kind, providerID, trimmed, limit)
	}
	return out, err
}

func (s *Store) find(ctx context.Context, kind, providerID, text string, limit int) ([]Object, error) {
	rows, err := s.q.FindObjects(ctx, s.pool, dbsqlc.FindObjectsParams{
		ProviderID: providerID, ObjectType: kind, Text: text, Pattern: pg.EscapeLike(text), MaxRows: int32(limit),
	})
	if err != nil {
		return nil, interpret("find object", err)
	}
	out := make([]Object, len(rows))
	for i, r := range rows {
		out[i] = Object{Type: r.ObjectType, ID: r.ID, ExternalID: r.ExternalID, Name: r.Name, Status: r.Status,
			Path: r.Path}
	}
	if len(out) > 0 {
		return out, nil
	}
	former, err := s.q.FindFormerObjects(ctx, s.pool, dbsqlc.FindFormerObjectsParams{
		ProviderID: providerID, ObjectType: kind, Objects: objectKinds(), Text: text, MaxRows: int32(limit),
	})
	for _, r := range former {
		out = append(out, Object{Type: r.ObjectType, ID: r.ID, ExternalID: r.ExternalID, Name: r.Name,
			Status: r.Status, Path: r.Path})
	}
	return out, interpret("find former object", err)
}

// ObjectHistory is everything on record of one object.
type ObjectHistory struct {
	Object
	// Now is its row, without the provider's record.
	Now json.RawMessage
	// Runs are the runs that changed it or planned to, or put on record why not, the
	// oldest first.
	Runs []ObjectRun
	// Presence is why it is still there, nil of what is deleted or was changed since.
	Presence *Presence
}

// Presence is what the newest run that read the whole company, as far as it could, says of
// something that is still there.
type Presence struct {
	Run ObjectRunHead
	// Listings are those that should show it. Where all are complete, and no note of the
	// run says otherwise, the provider lists it.
	Listings []Listing
}

// ObjectRun is what one run did to the object.
type ObjectRun struct {
	Run ObjectRunHead
	// Changes are those of the object and, of a member, of their places.
	Changes []ObjectChange
	// Notes are what the run put on record of the object: why it was left as it is, or
	// could not be read.
	Notes []string
	// LookUp is what the provider said when the run missed the object and asked for it
	// alone: gone, there, unseen, taken, unnamed, unasked or failed; empty if it was not missed.
	LookUp LookupResult
	// Evidence is what removals rest on, nil if nothing was removed by a sync.
	Evidence *Evidence
}

// ObjectRunHead is a run as far as it matters to an object.
type ObjectRunHead struct {
	ID            string
	WorkflowID    string
	TemporalRunID string
	Status        string
	StartedAt     time.Time
	Undoes        string
	StartedBy     string
	DecidedBy     string
	// HoldReason is why the removal guard stopped the run, empty if it did not.
	HoldReason string
	// ByID is true if the run looked up single people and read no listing.
	ByID bool
}

// ObjectChange is one change, or a removal that was planned.
type ObjectChange struct {
	// ObjectType is member, department or membership.
	ObjectType string
	// Department and DepartmentName say where a membership is.
	Department     string
	DepartmentName string
	Kind           string
	Before         json.RawMessage
	After          json.RawMessage
	At             time.Time
	// Reason is why it was removed: not_listed, looked_up, not_visible_twice, with_member,
	// with_department.
	Reason string
	// Decision is what became of the removal: within_limits, limits_waived or approved
	// if it was carried out, else the run's status: held, rejected, superseded and so on.
	Decision string
	// Planned is true of a removal that was not carried out.
	Planned bool
}

// Evidence is what a removal rests on.
type Evidence struct {
	// Departments are all that the run knew, Complete those it read to the end.
	Departments int
	Complete    int
	// Skipped are those whose people it left out on purpose.
	Skipped int
	// Listings are those that should have shown the object.
	Listings []Listing
	// DroppedAt is when the completeness record was cleaned up; then there is nothing to tell.
	DroppedAt *time.Time
}

// Listing is one listing of a run, from its completeness record.
type Listing struct {
	// Department or Group is whose listing it is; both are empty of the list of all groups.
	Department string
	Group      string
	// Of is what it lists: members, departments or groups.
	Of       string
	Complete bool
	Pages    int
	// Read is how many people it brought; Declared how many the provider counts, nil
	// if it does not say.
	Read     int
	Declared *int32
	// Request is the provider's id of the answer that ended the listing.
	Request string
	ReadAt  *time.Time
	// Error says why it is not complete.
	Error string
}

// GetObjectHistory returns everything on record of one object: the runs that changed it, what they
// changed, and what removals rest on.
func (s *Store) GetObjectHistory(ctx context.Context, o Object) (ObjectHistory, error) {
	history := ObjectHistory{Object: o, Runs: []ObjectRun{}}
	var err error
	if history.Now, err = s.q.GetObjectRow(ctx, s.pool, o.ID); err != nil {
		return history, interpret("read object", err)
	}
	t := &historyBuilder{s: s, history: &history}
	if err := t.changes(ctx); err != nil {
		return history, interpret("read changes of object", err)
	}
	if err := t.spared(ctx); err != nil {
		return history, interpret("read planned removals of object", err)
	}
	if err := t.stayed(ctx); err != nil {
		return history, interpret("read why the object was left as it is", err)
	}
	for i := range history.Runs {
		if err := t.evidence(ctx, &history.Runs[i]); err != nil {
			return history, interpret("read what was read to the end", err)
		}
	}
	slices.SortStableFunc(history.Runs, func(a, b ObjectRun) int { return a.Run.StartedAt.Compare(b.Run.StartedAt) })
	return history, interpret("read why the object is there", t.presence(ctx))
}

type historyBuilder struct {
	s       *Store
	history *ObjectHistory
	// removed are the departments whose listings show why, by run; waived the runs for
	// which the limits did not count; dropped when a run's completeness record was cleaned up.
	removed map[string][]string
	waived  map[string]bool
	dropped map[string]*time.Time
	// former are external ids that the object had.
	former []string
}

// run returns the run's, begun if it is not yet.
func (t *historyBuilder) run(ctx context.Context, runID string) (*ObjectRun, error) {
	for i := range t.history.Runs {
		if t.history.Runs[i].Run.ID == runID {
			return &t.history.Runs[i], nil
		}
	}
	if t.removed == nil {
		t.removed, t.waived, t.dropped = map[string][]string{}, map[string]bool{}, map[string]*time.Time{}
	}
	r, err := t.s.q.GetRun(ctx, t.s.pool, runID)
	if err != nil {
		return nil, err
	}
	t.waived[runID], t.dropped[runID] = r.OnRemovals == "apply", r.DetailsDroppedAt
	t.history.Runs = append(t.history.Runs, ObjectRun{Run: objectRunHeadOf(r), Changes: []ObjectChange{}})
	return &t.history.Runs[len(t.history.Runs)-1], nil
}

func objectRunHeadOf(r dbsqlc.GetRunRow) ObjectRunHead {
	return ObjectRunHead{
		ID: r.ID, WorkflowID: r.WorkflowID, TemporalRunID: r.TemporalRunID, Status: r.Status, StartedAt: r.StartedAt,
		Undoes: pg.OrZero(r.Undoes), HoldReason: pg.OrZero(r.HoldReason), StartedBy: pg.OrZero(r.StartedBy),
		DecidedBy: pg.OrZero(r.DecidedBy),
		ByID:      len(r.Members) > 0 && r.Undoes == nil,
	}
}

func (t *historyBuilder) changes(ctx context.Context) error {
	rows, err := t.s.q.ListObjectChanges(ctx, t.s.pool, t.history.ID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		c, err := t.run(ctx, r.RunID)
		if err != nil {
			return err
		}
		change := ObjectChange{
			ObjectType: r.ObjectType, Department: r.Department, DepartmentName: r.DepartmentName, Kind: r.Kind,
			Before: r.Before, After: r.After, At: r.ChangedAt, Reason: pg.OrZero(r.Reason),
		}
		if r.ObjectType == t.history.Type && !slices.Contains(t.ids(), r.ExternalID) {
			t.former = append(t.former, r.ExternalID)
		}
		if r.Reason != nil {
			change.Decision = t.decision(c.Run)
			t.removed[r.RunID] = append(t.removed[r.RunID], r.DepartmentID)
		}
		c.Changes = append(c.Changes, change)
	}
	return nil
}

// decision is how the guard let pass what was removed.
func (t *historyBuilder) decision(run ObjectRunHead) string {
	switch {
	case run.HoldReason != "":
		return "approved"
	case t.waived[run.ID]:
		return "limits_waived"
	default:
		return "within_limits"
	}
}

func (t *historyBuilder) spared(ctx context.Context) error {
	rows, err := t.s.q.ListSkippedRemovals(ctx, t.s.pool, t.history.ID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		c, err := t.run(ctx, r.RunID)
		if err != nil {
			return err
		}
		t.removed[r.RunID] = append(t.removed[r.RunID], r.DepartmentID)
		decision := c.Run.Status
		if decision == directory.RunSucceeded || decision == directory.RunPartial {
			decision = "skipped" // the run was told to remove nothing
		}
		c.Changes = append(c.Changes, ObjectChange{
			ObjectType: r.ObjectType, Department: r.Department, DepartmentName: r.DepartmentName, Kind: "deleted",
			At:     r.At,
			Reason: r.Reason, Decision: decision, Planned: true,
		})
	}
	return nil
}

// evidence adds the listings behind what the run removed or planned to. A member's row
// has no department: those of the places that went with it count.
func (t *historyBuilder) evidence(ctx context.Context, c *ObjectRun) error {
	departments := t.removed[c.Run.ID]
	if len(departments) == 0 || c.Run.ByID { // which read no listing
		return nil
	}
	c.Evidence = &Evidence{Listings: []Listing{}, DroppedAt: t.dropped[c.Run.ID]}
	extent, err := t.s.q.GetRunExtent(ctx, t.s.pool, c.Run.ID)
	if err != nil {
		return err
	}
	c.Evidence.Departments, c.Evidence.Complete, c.Evidence.Skipped = int(extent.Departments), int(
		extent.Complete), int(extent.Skipped)
	c.Evidence.Listings, err = t.listings(ctx, departments, c.Run.ID)
	return err
}

func (t *historyBuilder) listings(ctx context.Context, containers []string, runID string) ([]Listing, error) {
	rows, err := t.s.q.ListRunListings(ctx, t.s.pool,
		dbsqlc.ListRunListingsParams{Departments: containers, RunID: runID})
	if err != nil {
		return nil, err
	}
	out := make([]Listing, len(rows))
	for i, r := range rows {
		out[i] = Listing{
			Department: r.Department, Of: r.What, Complete: r.Complete, Pages: int(r.Pages), Read: int(r.Read),
			Declared: r.Declared,
			Request:  pg.OrZero(r.Request), ReadAt: r.ReadAt, Error: pg.OrZero(r.Error),
		}
	}
	groups, err := t.s.q.ListGroupListings(ctx, t.s.pool,
		dbsqlc.ListGroupListingsParams{Groups: containers, RunID: runID})
	for _, r := range groups {
		l := Listing{
			Group: r.ExternalID, Of: "members", Complete: r.Complete, Pages: int(r.Pages), Read: int(r.Read),
			Request: pg.OrZero(r.Request), ReadAt: r.ReadAt, Error: pg.OrZero(r.Error),
		}
		if directory.Kind(r.ObjectType) == directory.KindGroup {
			l.Of = "groups"
		}
		out = append(out, l)
	}
	return out, err
}
