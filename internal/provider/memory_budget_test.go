package provider_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// memory counts the bytes of answers that were read and are not yet let go.
type memory struct{ now, most atomic.Int64 }

func (m *memory) add(n int) {
	now := m.now.Add(int64(n))
	for most := m.most.Load(); now > most && !m.most.CompareAndSwap(most, now); most = m.most.Load() {
	}
}

// body is an answer of so many bytes, each counted as it is read. It goes on only when
// gate is closed, where there is one.
type body struct {
	left   int
	memory *memory
	gate   <-chan struct{}
	ctx    context.Context
}

func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if b.gate != nil {
		select {
		case <-b.gate:
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		}
	}
	n := min(len(p), b.left, 10_000)
	clear(p[:n])
	b.left -= n
	b.memory.add(n)
	return n, nil
}

func (b *body) Close() error { return nil }

// reader makes calls whose answers have so many bytes, by a process of its own.
type reader struct {
	env    *provider.Env
	memory memory
	size   int
	// told: answers say their length.
	told bool
	gate <-chan struct{}
}

func newReader(budget *provider.MemoryBudget, size int) *reader {
	r := &reader{size: size}
	r.env = &provider.Env{
		HTTP: &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: -1,
				Body: &body{left: r.size, memory: &r.memory, gate: r.gate, ctx: req.Context()}}
			if r.told {
				answer.ContentLength = int64(r.size)
			}
			return answer, nil
		})},
		Log: slog.New(slog.DiscardHandler), Limits: gate{}, Budget: budget, Now: time.Now, CallTimeout: time.Minute,
		SlowCall: time.Minute,
	}
	return r
}

// list is an endpoint whose answers may have 1 MiB.
var list = provider.Endpoint{Name: "user/list", Method: http.MethodGet, Largest: 1 << 20}

// read makes a call; what it read is let go when interpret returns or, held, by the caller.
func (r *reader) read(ctx context.Context, held bool) error {
	req, err := http.NewRequestWithContext(ctx, list.Method, "http://qyapi.example/user/list", nil)
	if err != nil {
		return err
	}
	_, err = r.env.Do(ctx, directory.WeCom, list, req, func(reply *provider.Reply) *provider.Error {
		runtime.Gosched() // others may read meanwhile
		if !held {
			r.memory.add(-len(reply.Body))
		}
		return nil
	})
	return err
}

// However many answers come at a time, and whether they say their length or not: no more
// bytes of them are in memory than the budget has and one answer of its own may have, and
// all come to their end.
func TestLargeAnswersInFlightKeepToTheBudget(t *testing.T) {
	t.Parallel()
	const shared, size, calls = 2 << 20, 900_000, 64
	for name, set := range map[string]func(*reader){
		"told":   func(r *reader) { r.told = true },
		"untold": func(*reader) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReader(provider.NewMemoryBudget(shared), size)
			set(r)
			var wg sync.WaitGroup
			errs := make([]error, calls)
			for i := range calls {
				wg.Go(func() { errs[i] = r.read(t.Context(), false) })
			}
			wg.Wait()
			for _, err := range errs {
				require.NoError(t, err)
			}
			require.LessOrEqual(t, r.memory.most.Load(), int64(shared+list.Largest))
			require.Zero(t, r.memory.now.Load())
		})
	}
}

// Whoever uses what was read holds it: it counts until it is released.
func TestHeldAnswersKeepToTheBudget(t *testing.T) {
	t.Parallel()
	const shared, size, readers, pages = 2 << 20, 700_000, 24, 5
	r := newReader(provider.NewMemoryBudget(shared), size)
	var wg sync.WaitGroup
	errs := make(chan error, readers*pages)
	for range readers {
		wg.Go(func() {
			holding, release := provider.RetainAnswer(t.Context())
			for page := range pages {
				if page > 0 {
					r.memory.add(-size) // before the next is asked for
				}
				if err := r.read(holding, true); err != nil {
					errs <- err
					return
				}
				runtime.Gosched()
			}
			r.memory.add(-size)
			release()
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.LessOrEqual(t, r.memory.most.Load(), int64(shared+list.Largest))
	require.Zero(t, r.memory.now.Load())
}

// Where all is taken calls wait, for as long as it takes: that is no delay of the provider's.
func TestWaitingForOtherAnswersIsNotTheCallsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := provider.NewMemoryBudget(128 << 10)
		open := make(chan struct{})
		first, second := newReader(budget, 800_000), newReader(budget, 800_000)
		first.told, first.gate, first.env.CallTimeout = true, open, time.Hour
		second.told, second.env.CallTimeout, second.env.SlowCall = true, time.Second, time.Second
		done := make(chan error, 2)
		go func() { done <- first.read(t.Context(), false) }()
		synctest.Wait()
		go func() { done <- second.read(t.Context(), false) }()
		synctest.Wait()
		time.Sleep(time.Minute) // by the bubble's clock
		require.Empty(t, done)
		require.Zero(t, second.memory.most.Load(), "not read yet")
		close(open)
		require.NoError(t, <-done)
		require.NoError(t, <-done)
	})
}

// Whoever gives up while waiting leaves the budget as it was.
func TestGivingUpTheWaitTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := provider.NewMemoryBudget(0) // one small answer at a time, or one that grows
		open := make(chan struct{})
		first, second := newReader(budget, 800_000), newReader(budget, 800_000)
		first.told, first.gate, first.env.CallTimeout = true, open, time.Hour
		done := make(chan error, 1)
		go func() { done <- first.read(t.Context(), false) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, second.read(ctx, false), context.DeadlineExceeded)
		close(open)
		require.NoError(t, <-done)
		require.NoError(t, second.read(t.Context(), false))
	})
}

// plainTokens fetches a token each time, by the caller's own context.
type plainTokens struct{}

func (plainTokens) Token(ctx context.Context, _ string, fetch provider.FetchToken) (string, error) {
	token, _, err := fetch(ctx)
	return token, err
}
func (plainTokens) Drop(context.Context, string, string) error { return nil }

// Everybody who holds an answer may be waiting for a token: fetching it waits for nobody.
func TestFetchingATokenWaitsForNoAnswer(t *testing.T) {
	t.Parallel()
	r := newReader(provider.NewMemoryBudget(0), 1000) // one answer at a time
	r.env.Tokens = plainTokens{}
	holding, release := provider.RetainAnswer(t.Context())
	defer release()
	require.NoError(t, r.read(holding, false))
	for name, ctx := range map[string]context.Context{"by the holder": holding, "by another": t.Context()} {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_, err := r.env.Token(ctx, "app", func(ctx context.Context) (string, time.Time, error) {
			return "token", time.Time{}, r.read(ctx, false)
		})
		require.NoError(t, err, name)
	}
}

// What was freed goes back to the system once there is quiet, not minutes later. Not
// parallel: it counts the collections that the process is asked for.
func TestMemoryIsGivenBackAfterLargeAnswers(t *testing.T) {
	collections := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	for size, given := range map[int]bool{900_000: true, 50_000: false} {
		synctest.Test(t, func(t *testing.T) {
			before := collections()
			r := newReader(provider.NewMemoryBudget(128<<10), size)
			for range 3 {
				require.NoError(t, r.read(t.Context(), false))
			}
			require.Equal(t, before, collections(), "not between answers")
			time.Sleep(time.Minute) // by the bubble's clock
			synctest.Wait()
			require.Equal(t, given, collections() > before, strconv.Itoa(size))
		})
	}
}

// An answer that is larger than its call can bring is refused, read or not.
func TestAnswersBeyondTheirCallsBoundAreRefused(t *testing.T) {
	t.Parallel()
	for size, refused := range map[int]bool{1 << 20: false, 1<<20 + 1: true, 500 << 20: true} {
		for _, told := range []bool{true, false} {
			r := newReader(provider.NewMemoryBudget(4<<20), size)
			r.told = told
			err := r.read(t.Context(), false)
			if !refused {
				require.NoError(t, err)
				continue
			}
			var e *provider.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, provider.Malformed, e.Kind, "tried a few times, then given up")
			require.Contains(t, e.Problem.String(), "larger than 1 MiB")
			require.Contains(t, e.Error(), "another server may answer in the provider's place")
			require.LessOrEqual(t, r.memory.most.Load(), list.Largest+1, "not read on")
		}
	}
}
