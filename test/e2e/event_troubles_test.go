package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/workflows"
)

// Events in trouble, each kind in a company of its own.
func TestEventsInTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intake := w.intake()
	for name, test := range map[string]func(w *world, intake string){
		"poisoned": poisonedEvents, "held": eventsWhileARunIsHeld, "leaving": leavingOneByOne, "storm": stormOfEvents,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part := *w
			part.t = t
			test(&part, intake)
		})
	}
}

// titled waits until somebody has a title.
func (w *world) titled(s *source, p simulator.PersonID, title string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		return w.count(`SELECT count(*) FROM org_members m JOIN identity_providers p ON p.id = m.provider_id
			WHERE p.name = $1 AND m.external_id = $2 AND m.title = $3`, s.name, s.member(p), title) == 1
	}, time.Minute, 50*time.Millisecond, title)
}

// poisonedEvents: an object that cannot be read, and one that has the whole run fail, are set aside
// after three tries and named. Others go on, and who came and went asks for nothing.
func poisonedEvents(w *world, intake string) {
	l := newLab(w.t, 41)
	_, people := l.below(simulator.Root, "Works", 6)
	var mu sync.Mutex
	answers := map[string]string{}
	s := w.simulateWith(directory.DingTalk, l.Company, simulator.Options{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			mu.Lock()
			defer mu.Unlock()
			for id, answer := range answers {
				if strings.HasSuffix(r.URL.Path, "/user/get") && strings.Contains(string(body), id) {
					_, _ = io.WriteString(rw, answer)
					return
				}
			}
			next.ServeHTTP(rw, r)
		})
	})
	w.succeed(s)
	pusher := w.follow(s, intake, simulator.Delivery{})
	sick, deadly := s.member(people[0]), s.member(people[1])
	mu.Lock()
	answers[sick] = `{"errcode":40035,"errmsg":"invalid parameter"}`
	answers[deadly] = `{"errcode":88,"errmsg":"no permission","sub_code":"60011","sub_msg":"no permission"}`
	mu.Unlock()
	p, err := w.store.Providers.FindByName(w.t.Context(), s.name)
	require.NoError(w.t, err)
	_, err = w.store.AddEvents(w.t.Context(), p.ID, []db.Event{{ID: "passer-by", Kind: "user_add_org",
		ObjectType: db.EventMember, ObjectID: "nobody-knows-me"}})
	require.NoError(w.t, err)
	l.must(l.SetTitle(people[0], "Chief"), l.SetTitle(people[1], "Chief"))
	for try := 1; try <= 3; try++ {
		title := fmt.Sprintf("Nurse %d", try)
		l.must(l.SetTitle(people[2+try], title))
		w.titled(s, people[2+try], title)
		require.Eventually(w.t, func() bool {
			return w.count(`SELECT count(*) FROM provider_events WHERE provider_id = $1 AND tries = $2`, p.ID, try) == 2
		}, time.Minute, 50*time.Millisecond, "try %d", try)
		_, err := w.pool.Exec(w.t.Context(), `UPDATE provider_events SET due_at = now()
			WHERE provider_id = $1 AND due_at > now()`, p.ID)
		require.NoError(w.t, err)
	}
	pusher.Wait()
	var shown service.Events
	require.Eventually(w.t, func() bool {
		shown, err = w.service().ShowEvents(w.t.Context(), s.name)
		require.NoError(w.t, err)
		return shown.Waiting == 0
	}, time.Minute, 50*time.Millisecond)
	var named []string
	for _, e := range shown.GivenUp {
		named = append(named, e.ObjectID)
	}
	require.ElementsMatch(w.t, []string{sick, deadly}, named)

	mu.Lock()
	clear(answers)
	mu.Unlock()
	retried, err := w.service().RetryEvents(w.t.Context(), s.name, service.By{Name: "test"})
	require.NoError(w.t, err)
	require.EqualValues(w.t, 2, retried)
	w.settled(s)
}

// eventsWhileARunIsHeld: a thousand events change who stays, and leave the hold as it is.
func eventsWhileARunIsHeld(w *world, intake string) {
	c := newLeaving(w, directory.DingTalk)
	leavers, newcomer := c.leave(limit + 1)
	held := w.held(c, leavers, newcomer)
	pusher := w.follow(c.source, intake, simulator.Delivery{Pace: 10})
	for round := range 20 {
		for i := range 50 {
			c.must(c.SetTitle(c.people[i%len(c.people)], fmt.Sprintf("Title %d of %d", i, round)))
		}
		pusher.Wait()
	}
	w.followed(c.source)
	require.Equal(w.t, 1000, w.count(`SELECT count(*) FROM provider_events e JOIN identity_providers p
		ON p.id = e.provider_id WHERE p.name = $1`, c.name))
	w.titled(c.source, c.people[0], fmt.Sprintf("Title %d of 19", 49/len(c.people)*len(c.people)))
	require.Equal(w.t, directory.RunHeld, w.status(held.RunID))
	result, err := w.decide(held, workflows.ApproveUpdate)
	require.NoError(w.t, err)
	require.Equal(w.t, len(leavers), result.Members.Deleted)
	w.requireEqual(c.source)
}

// leavingOneByOne: of those who leave in small numbers no more go than one run may remove, until a
// person has decided about the rest.
func leavingOneByOne(w *world, intake string) {
	l := newLab(w.t, 43)
	_, people := l.below(simulator.Root, "Works", 99)
	s := w.simulate(directory.Feishu, l.Company)
	w.succeed(s)
	pusher := w.follow(s, intake, simulator.Delivery{})
	for round := range 10 {
		for _, p := range people[round*3 : round*3+3] {
			l.must(l.Leave(p))
		}
		pusher.Wait()
		w.followed(s)
	}
	gone := 100 - len(w.members(s.name))
	require.LessOrEqual(w.t, gone, limit)
	require.Greater(w.t, gone, limit-3)
	held := w.sync(s.name)
	require.Equal(w.t, directory.RunHeld, held.Status, held.Errors)
	require.Len(w.t, w.members(s.name), 100-gone)
	_, err := w.decide(held, workflows.ApproveUpdate)
	require.NoError(w.t, err)
	w.requireEqual(s)
}

// stormOfEvents: ten thousand events become few runs and a short history.
func stormOfEvents(w *world, _ string) {
	l := newLab(w.t, 44)
	_, people := l.below(simulator.Root, "Works", 250)
	s := w.simulate(directory.DingTalk, l.Company)
	w.succeed(s)
	p, err := w.store.Providers.FindByName(w.t.Context(), s.name)
	require.NoError(w.t, err)
	require.NoError(w.t, w.store.EnableEvents(w.t.Context(), p, db.EventsByCallback, audit.By{Name: "test"}))
	for _, one := range people {
		l.must(l.SetTitle(one, "Chief"))
	}
	const senders, messages, objects = 10, 100, 10
	intake := w.service().NewIntake()
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for n := range messages {
				e := provider.Event{ID: uuid.NewString(), Kind: "user_modify_org", Object: provider.ObjectMember}
				for i := range objects {
					e.IDs = append(e.IDs, s.member(people[(sender*messages+n*objects+i)%len(people)]))
				}
				if err := intake.Keep(w.t.Context(), s.name, p.ID, []provider.Event{e}); err != nil {
					w.t.Error(err)
				}
			}
		})
	}
	sending.Wait()
	w.settled(s)
	require.Equal(w.t, senders*messages*objects, w.count(`SELECT count(*) FROM provider_events
		WHERE provider_id = $1 AND done_at IS NOT NULL`, p.ID))
	runs := w.count(`SELECT count(*) FROM sync_runs WHERE provider_id = $1 AND by_events`, p.ID)
	require.LessOrEqual(w.t, runs, 10)
	described, err := w.temporal.DescribeWorkflowExecution(w.t.Context(), workflows.EventsWorkflowID(s.name), "")
	require.NoError(w.t, err)
	require.Less(w.t, described.GetWorkflowExecutionInfo().GetHistoryLength(), int64(1000))
	w.t.Logf("%d runs, %d events of the history", runs, described.GetWorkflowExecutionInfo().GetHistoryLength())
}
