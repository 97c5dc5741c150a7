package activities

import (
	"context"
	"sync"

	"github.com/orgsync/orgsync/db"
)

// meanwhile reads the members of departments while the tree is still being read, where that
// takes as many calls: each endpoint has a quota of its own (dingtalk.md §6), so neither
// waits for the other. It takes departments as they are found, once their children are
// known. What it does not come to, or fails to read, is left to ReadMembers, which reads on
// from where it stopped.
type meanwhile struct {
	*providerSession
	readers sync.WaitGroup

	mu     sync.Mutex
	found  *sync.Cond
	queue  []db.Pending
	closed bool
}

// readMembersMeanwhile begins with nothing found. It reads nothing where the whole tree must
// be known first: for a targeted run to know which departments it reads, for rules to know
// where a member's departments stand.
func (r *providerSession) readMembersMeanwhile(ctx context.Context) (*meanwhile, error) {
	targeted, err := r.store.IsTargeted(ctx, r.runID)
	if err != nil {
		return nil, err
	}
	rules, err := r.rules()
	if err != nil {
		return nil, err
	}
	needsTree := targeted || rules.program.Uses("departments")
	m := &meanwhile{providerSession: r, closed: needsTree || !r.provider.Type.Traits().TreeByDepartment}
	m.found = sync.NewCond(&m.mu)
	for range parallelCalls {
		m.readers.Go(func() { m.read(ctx) })
	}
	return m, nil
}

// add takes a department whose children are known.
func (m *meanwhile) add(p db.Pending) {
	if p.MembersMethod != ownMembers {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, db.Pending{Department: p.Department, Listing: p.MembersMethod})
	m.found.Signal()
}

func (m *meanwhile) isClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

// end stops after the pages that are being read.
func (m *meanwhile) end() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.found.Broadcast()
	m.readers.Wait()
}

// next is some of the departments found, none once there will be no more.
func (m *meanwhile) next() []db.Pending {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.queue) == 0 && !m.closed {
		m.found.Wait()
	}
	if m.closed {
		return nil
	}
	n := min(maxMeanwhile, max(1, len(m.queue)/parallelCalls))
	taken := m.queue[:n]
	m.queue = m.queue[n:]
	return taken
}

// maxMeanwhile is how many departments one reader takes at a time.
const maxMeanwhile = 8

func (m *meanwhile) read(ctx context.Context) {
	for pending := m.next(); len(pending) > 0; pending = m.next() {
		ids := make([]string, len(pending))
		for i, p := range pending {
			ids[i] = p.Department
		}
		if err := m.store.RecallListings(ctx, m.runID, ids); err != nil {
			return
		}
		buffer := m.newMemberBuffer()
		buffer.stopped = m.isClosed
		if err := buffer.read(ctx, pending); err != nil {
			buffer.flushBestEffort(ctx)
			return
		}
	}
}
