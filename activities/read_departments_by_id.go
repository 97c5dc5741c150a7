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
	reader, ok := r.client.(provider.SingleDepartmentReader)
	if !ok {
		return refuse(TypeInvalid, message.MembersByIDImpossible, message.Args{"Provider": r.provider.Name})
	}
	wanted, err := a.Store.ListSingleDepartments(ctx, in.RunID)
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
	return a.Store.StageSingleDepartments(ctx, in.RunID, single.found, single.gone)
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

// leaveOut drops departments that the rules leave out: by what was read above each, and by the
// directory above that.
func (s *singleDepartments) leaveOut(ctx context.Context) error {
	run, err := s.rules()
	if err != nil || !run.Scope.Limited() {
		return err
	}
	parents := map[string]string{}
	for _, d := range s.found {
		parents[d.ExternalID] = d.ParentID
	}
	stored, err := s.store.ListAncestors(ctx, s.provider.ID, s.runID, slices.Collect(maps.Values(parents)))
	if err != nil {
		return err
	}
	s.found = slices.DeleteFunc(s.found, func(d directory.Department) bool {
		above := []string{d.ExternalID}
		id := d.ParentID
		for parent, read := parents[id]; read && !slices.Contains(above, id); parent, read = parents[id] {
			above, id = append(above, id), parent
		}
		above = append(append(above, id), stored[id].IDs...)
		return run.sideOf(db.Ancestors{Known: true, IDs: above}) == outside
	})
	return nil
}
