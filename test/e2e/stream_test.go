package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
)

var streamKinds = []directory.ProviderType{directory.Feishu, directory.DingTalk}

// stream has a source tell of every change on the connection that a worker opens.
func (w *world) stream(s *source, how simulator.Stream) *simulator.Pusher {
	w.t.Helper()
	_, err := w.service().EnableEvents(w.t.Context(), s.name, "", service.By{Name: "test"})
	require.NoError(w.t, err)
	w.connected(s)
	if s.kind == directory.DingTalk {
		return s.ding.SubscribeStream(how)
	}
	pusher, err := s.feishu.SubscribeStream(how)
	require.NoError(w.t, err)
	return pusher
}

// connected waits until the stream of a source is said to be connected.
func (w *world) connected(s *source) {
	w.t.Helper()
	use := w.service()
	require.Eventually(w.t, func() bool {
		shown, err := use.ShowEvents(w.t.Context(), s.name)
		return err == nil && shown.ConnectedSince != nil
	}, time.Minute, 20*time.Millisecond)
}

// A change is in the directory seconds after it was told of on the stream, whatever odd comes
// beside it; a listener ends once events are switched off.
func TestStreamsReachTheDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, kind := range streamKinds {
		l := newLab(t, 17)
		d, people := l.below(simulator.Root, "Works", 20)
		s := w.simulate(kind, l.Company)
		w.succeed(s)
		pusher := w.stream(s, simulator.Stream{
			Delivery: simulator.Delivery{Duplicate: 0.5, Late: 0.5, LateBy: 300 * time.Millisecond, Pace: 10},
			Odd:      0.3, Split: 0.5,
		})
		l.must(l.SetTitle(people[0], "Chief"), l.Leave(people[1]))
		sub, hired := l.below(d, "Labs", 2)
		l.must(l.MoveDepartment(sub, simulator.Root), l.Move(people[2], d, sub), l.Join(hired[0], d))
		pusher.Wait()
		w.settled(s)
		require.Equal(t, 1, w.count(`SELECT count(*) FROM full_runs r
			JOIN identity_providers p ON p.id = r.provider_id WHERE p.name = $1`, s.name), "full runs")
		require.NoError(t, w.service().DisableEvents(t.Context(), s.name, service.By{Name: "test"}))
		require.Eventually(t, func() bool { return s.connections() == 0 }, 20*time.Second, 20*time.Millisecond)
	}
}

// connections is how many connections a source has.
func (s *source) connections() int {
	if s.kind == directory.DingTalk {
		return len(s.ding.Streams.Connections())
	}
	return len(s.feishu.Streams.Connections())
}

// A worker that is killed with the connections is replaced by another, which takes them over, and what
// happened meanwhile is told again.
func TestStreamOutlivesItsWorker(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	victim := w.spawn()
	var sources []*source
	var pushers []*simulator.Pusher
	for _, kind := range streamKinds {
		l := newLab(t, 18)
		_, people := l.below(simulator.Root, "Works", 10)
		s := w.simulate(kind, l.Company)
		w.succeed(s)
		pushers = append(pushers, w.stream(s, simulator.Stream{Delivery: simulator.Delivery{Pace: 0.5}}))
		require.Equal(t, 1, s.connections(), "one listener a provider")
		l.must(l.SetTitle(people[0], "Boss"))
		w.titled(s, people[0], "Boss")
		sources = append(sources, s)
	}
	require.NoError(t, victim.Process.Kill())
	_ = victim.Wait()
	for _, s := range sources {
		require.Eventually(t, func() bool { return s.connections() == 0 }, time.Minute, 20*time.Millisecond)
		require.NoError(t, s.company.SetTitle(2, "Chief"))
	}
	w.spawn()
	for i, s := range sources {
		require.Eventually(t, func() bool { return s.connections() == 1 }, time.Minute, 20*time.Millisecond)
		w.connected(s)
		pushers[i].Wait()
		w.settled(s)
	}
}
