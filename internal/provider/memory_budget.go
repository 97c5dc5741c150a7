package provider

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// initialReservation is what every call sets aside before it is made: more than most answers
	// take.
	initialReservation = 64 << 10
	// worthReturning is how much must have been set aside at a time for memory to be given
	// back to the operating system, and quiet how long nothing must have been since: it
	// takes a garbage collection.
	worthReturning = 16 << 20
	quiet          = 2 * time.Second
)

// MemoryBudget bounds the bytes of all answers that a process has in memory at a time: those
// being read, being decoded, or being used by a caller who retains them (RetainAnswer). Calls
// for which nothing is left wait. It is safe for concurrent use; a nil MemoryBudget bounds
// nothing.
type MemoryBudget struct {
	// shared is what all answers draw on. An answer that grows takes what is free and
	// never waits for it, since others may be waiting for what it has itself.
	shared *semaphore.Weighted
	// alone lets one answer at a time grow beyond what is free, up to the bound of its
	// endpoint: so the one that has it always comes to its end.
	alone *semaphore.Weighted

	mu    sync.Mutex
	inUse int64
	// most is how much was in use at a time since memory was last given back.
	most   int64
	giving *time.Timer
}

// NewMemoryBudget returns a budget of so many bytes beside what the largest single answer may
// have, Largest.
func NewMemoryBudget(shared int64) *MemoryBudget {
	return &MemoryBudget{shared: semaphore.NewWeighted(max(shared, initialReservation)),
		alone: semaphore.NewWeighted(1)}
}

// reservation is one answer's part of a budget. It is not safe for concurrent use.
type reservation struct {
	budget *MemoryBudget
	held   int64
	alone  bool
	// waited is how long its answer had to wait for the others.
	waited time.Duration
}

// reserve sets the first part aside, and waits for it.
func (b *MemoryBudget) reserve(ctx context.Context) (*reservation, error) {
	s := &reservation{budget: b}
	if b == nil {
		return s, nil
	}
	if err := b.shared.Acquire(ctx, initialReservation); err != nil {
		return nil, err
	}
	s.add(initialReservation)
	return s, nil
}

// grow sets more aside until the reservation is of so many bytes.
func (s *reservation) grow(ctx context.Context, size int64) error {
	more := size - s.held
	if s.budget == nil || s.alone || more <= 0 {
		return nil
	}
	if s.budget.shared.TryAcquire(more) {
		s.add(more)
		return nil
	}
	began := time.Now()
	if err := s.budget.alone.Acquire(ctx, 1); err != nil {
		return err
	}
	s.alone, s.waited = true, s.waited+time.Since(began)
	s.budget.note(0, worthReturning)
	return nil
}

func (s *reservation) add(more int64) {
	s.held += more
	s.budget.note(more, 0)
}

// note counts what is in use. Go by itself keeps what it needed at most for minutes, so
// that after large answers memory is given back once there is quiet.
func (b *MemoryBudget) note(more, atLeast int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inUse += more
	b.most = max(b.most, b.inUse, atLeast)
	if b.inUse == 0 && b.most >= worthReturning && b.giving == nil {
		b.giving = time.AfterFunc(quiet, b.giveBack)
	}
}

func (b *MemoryBudget) giveBack() {
	b.mu.Lock()
	b.giving = nil
	give := b.inUse == 0
	if give {
		b.most = 0
	}
	b.mu.Unlock()
	if give {
		debug.FreeOSMemory()
	}
}

// release gives everything back.
func (s *reservation) release() {
	if s.budget == nil || s.held == 0 {
		return
	}
	s.budget.note(-s.held, 0)
	s.budget.shared.Release(s.held)
	if s.alone {
		s.budget.alone.Release(1)
	}
	s.held, s.alone = 0, false
}

type heldKey struct{}

// retainedAnswer keeps the reservation of the last answer read under a context.
type retainedAnswer struct {
	mu   sync.Mutex
	last *reservation
}

// RetainAnswer lets the last answer read under the context count against the budget until it
// is released or the next one is asked for: for a caller who goes on using what was made of
// it. Calls under it are made one after the other, and none beside it before it is released,
// so that no caller waits for a reservation while having one.
func RetainAnswer(ctx context.Context) (retaining context.Context, release func()) {
	h := &retainedAnswer{}
	return context.WithValue(ctx, heldKey{}, h), func() { h.keep(nil) }
}

func retainedIn(ctx context.Context) *retainedAnswer {
	h, _ := ctx.Value(heldKey{}).(*retainedAnswer)
	return h
}

type unbudgetedKey struct{}

// unbudgeted is for the calls that fetch tokens: small ones, for which callers that have a
// reservation may be waiting.
func unbudgeted(ctx context.Context) context.Context {
	return context.WithValue(ctx, unbudgetedKey{}, true)
}

// keep takes a reservation in the place of the one before.
func (h *retainedAnswer) keep(s *reservation) {
	h.mu.Lock()
	before := h.last
	h.last = s
	h.mu.Unlock()
	if before != nil {
		before.release()
	}
}
