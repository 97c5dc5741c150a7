package api

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
)

// story is a run as its reader finds it.
type story struct {
	mu    sync.Mutex
	now   service.Progress
	err   error
	reads atomic.Int64
}

func (s *story) set(p service.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = p
}

func (s *story) read(context.Context, string) (service.Progress, error) {
	s.reads.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now, s.err
}

func watching(s *story) *watchers {
	w := newWatchers(service.New(service.Connections{}))
	w.read = s.read
	return w
}

// 200 who watch cost one who looks.
func TestManyWatchersCostOnePoller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &story{now: service.Progress{Status: directory.RunRunning}}
		w := watching(s)
		var all sync.WaitGroup
		ends := atomic.Int64{}
		for range 200 {
			events, leave := w.watch("run")
			all.Go(func() {
				defer leave()
				before := ""
				for e := range events {
					require.NotEqual(t, before, e.id, "nothing is said twice")
					if before = e.id; e.last {
						ends.Add(1)
					}
				}
			})
		}
		for read := range 5 {
			s.set(service.Progress{Status: directory.RunRunning, MembersRead: read})
			time.Sleep(pollEvery)
		}
		s.set(service.Progress{Status: directory.RunSucceeded})
		all.Wait()
		require.EqualValues(t, 200, ends.Load())
		require.LessOrEqual(t, s.reads.Load(), int64(8))
		require.Empty(t, w.runs)
	})
}

func TestNobodyLooksWhereNobodyWatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &story{now: service.Progress{Status: directory.RunHeld}}
		w := watching(s)
		first, leaveFirst := w.watch("run")
		_, leaveSecond := w.watch("run")
		require.NotEmpty(t, (<-first).id)
		leaveFirst()
		time.Sleep(3 * pollEvery)
		leaveSecond()
		synctest.Wait()
		reads := s.reads.Load()
		time.Sleep(10 * pollEvery)
		require.Equal(t, reads, s.reads.Load())

		again, leave := w.watch("run") // one who comes back is served
		require.NotEmpty(t, (<-again).id)
		leave()
		w.close()
	})
}

// A database that is away for a moment ends no stream, and stopping the server ends all.
func TestStreamsOutliveTroubleAndEndWithTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &story{err: errors.New("connection refused")}
		w := watching(s)
		events, leave := w.watch("run")
		defer leave()
		time.Sleep(3 * pollEvery)
		s.mu.Lock()
		s.err, s.now = nil, service.Progress{Status: directory.RunRunning, Phase: "members"}
		s.mu.Unlock()
		require.Contains(t, string((<-events).data), "members")
		w.close()
		_, open := <-events
		require.False(t, open)
	})
}
