package activities

import (
	"context"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
)

// ReadDepartmentsByID stages the departments of a run by events, each as it is now, with the
// parents that the directory does not have. One that cannot be read is put on record.
func (a *Reader) ReadDepartmentsByID(ctx context.Context, in RunInput) error {
	return limitAttempts(ctx, a.readDepartmentsByID(ctx, in), triesOfRun)
}

func (a *Reader) readDepartmentsByID(ctx context.Context, in RunInput) (err error) {
	defer heartbeat(ctx)()
	r, err := a.open(ctx, in.RunID, "departments")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	return r.stageSingleDepartments(ctx)
}

// stageSingleDepartments reads and stages the departments of a run by events, and those that its staged members
// are in and that the directory does not have.
func (r *providerSession) stageSingleDepartments(ctx context.Context) error {
	reader, ok := r.client.(provider.SingleDepartmentReader)
	if !ok {
		return refuse(TypeInvalid, message.MembersByIDImpossible, message.Args{"Provider": r.provider.Name})
	}
	wanted, err := r.store.ListSingleDepartments(ctx, r.runID)
	if err != nil {
		return err
	}
	single := singleDepartments{providerSession: r, reader: reader, asked: map[string]bool{}}
	for len(wanted) > 0 {
		if err := single.read(ctx, wanted); err != nil {
			return err
		}
		if wanted, err = single.unknownParents(ctx); err != nil {
			return err
		}
	}
	if err := single.leaveOut(ctx); err != nil {
		return err
	}
	return r.store.StageSingleDepartments(ctx, r.runID, single.found, single.gone)
}

// singleDepartments reads departments one by one.
type singleDepartments struct {
	*providerSession
	reader provider.SingleDepartmentReader

	mu    sync.Mutex
	asked map[string]bool
	found []directory.Department
	gone  []string
}

// read reads departments. Parents beside those that the run is for may be out of sight, which
// is no failure.
func (s *singleDepartments) read(ctx context.Context, wanted []string) error {
	parents := len(s.asked) > 0
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallelCalls)
	for _, id := range wanted {
		s.asked[id] = true
		group.Go(func() error {
			d, gone, err := s.reader.ReadSingleDepartment(groupCtx, id)
			switch {
			case err == nil:
				s.add(id, d, gone)
				return nil
			case concernsRun(groupCtx, err) || provider.KindOf(err).Retryable():
				return err
			case parents || provider.KindOf(err) == provider.OutOfRange:
				return nil
			}
			return s.store.AddRunError(groupCtx, s.runID, "department", id, messageOf(err))
		})
	}
	return group.Wait()
}

func (s *singleDepartments) add(id string, d directory.Department, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if gone {
		s.gone = append(s.gone, id)
		return
	}
	if d.Name != nil {
		name := normalize.Name(*d.Name)
		d.Name = &name
	}
	s.found = append(s.found, d)
}

// unknownParents are the parents of what was found that were not asked for and that the
// directory does not have.
func (s *singleDepartments) unknownParents(ctx context.Context) ([]string, error) {
	var parents []string
	for _, d := range s.found {
		if d.ParentID != "" && !s.asked[d.ParentID] {
			parents = append(parents, d.ParentID)
		}
	}
	if len(parents) == 0 {
		return nil, nil
	}
	unknown, err := s.store.ListUnknownDepartments(ctx, s.provider, parents)
	return provider.UsableEventIDs(unknown), err
}

// leaveOut drops departments that the rules leave out, but for those above an included one, which hold
// the tree together. Where a department crossed the border of the rules, it asks for a full run: what
// hangs below it must be read, or go.
func (s *singleDepartments) leaveOut(ctx context.Context) error {
	run, err := s.rules()
	if err != nil || !run.Scope.Limited() {
		return err
	}
	ids := slices.Clone(run.Scope.Include)
	for _, d := range s.found {
		ids = append(ids, d.ExternalID, d.ParentID)
	}
	stored, err := s.store.ListDepartmentParents(ctx, s.provider.ID, ids)
	if err != nil {
		return err
	}
	created, err := s.store.ListCreatedDepartments(ctx, s.runID)
	if err != nil {
		return err
	}
	read := maps.Clone(stored)
	for _, d := range s.found {
		read[d.ExternalID] = d.ParentID
	}
	for _, id := range s.gone {
		delete(read, id)
	}
	before, after := scopedTree{run, stored}, scopedTree{run, read}
	holding := after.aboveIncluded()
	crossed := slices.ContainsFunc(before.aboveIncluded(),
		func(id string) bool { return !slices.Contains(holding, id) })
	s.found = slices.DeleteFunc(s.found, func(d directory.Department) bool {
		in := after.includes(d.ExternalID)
		if in != before.includes(d.ExternalID) && !slices.Contains(created, d.ExternalID) {
			crossed = true
		}
		return !in && !slices.Contains(holding, d.ExternalID)
	})
	if !crossed {
		return nil
	}
	_, err = s.store.AddEvents(ctx, s.provider.ID, []db.Event{
		{ID: "run/" + s.runID, Kind: "crossed_scope", ObjectType: db.EventScope},
	})
	return err
}

// scopedTree is a tree of departments, each with its parent, under the rules.
type scopedTree struct {
	rules   *runRules
	parents map[string]string
}

// above returns a department and those above it.
func (t scopedTree) above(id string) (all []string) {
	for known := true; known && id != "" && !slices.Contains(all, id); id, known = t.parents[id] {
		all = append(all, id)
	}
	return all
}

// includes reports whether the tree has a department and the rules leave it in.
func (t scopedTree) includes(id string) bool {
	_, known := t.parents[id]
	return t.rules.sideOf(db.Ancestors{Known: known, IDs: t.above(id)}) == inside
}

// aboveIncluded returns the departments that the rules name as included, and those above them.
func (t scopedTree) aboveIncluded() (all []string) {
	for _, id := range t.rules.Scope.Include {
		if t.includes(id) {
			all = append(all, t.above(id)...)
		}
	}
	return all
}
