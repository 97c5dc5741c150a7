package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/feed"
	"github.com/orgsync/orgsync/db/webhooks"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
)

// everybody is a caller who sees everything.
var everybody = access.Caller{Role: access.Admin}

// received is one message as a receiver got it.
type received struct {
	id   string
	body struct {
		Type string
		Data struct {
			Webhook, After, Cursor string
			Counts                 map[string]int
			Items                  []struct {
				Cursor, Type, Provider string
				Object, Previous       map[string]any
			}
		}
	}
}

// receiver is an application that is told of changes. It verifies signatures by itself.
type receiver struct {
	t   *testing.T
	url string
	// answer, if not nil, answers instead of 204; attempt is the how manieth message it is.
	answer func(attempt int, rw http.ResponseWriter)

	mu       sync.Mutex
	secret   string
	messages []received
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t}
	r.url = serve(t, r) + "/token-in-the-path"
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(rw http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	if problem := verify(r.secret, request.Header, body, time.Now()); problem != "" {
		r.t.Error(problem)
	}
	m := received{id: request.Header.Get("webhook-id")}
	if err := json.Unmarshal(body, &m.body); err != nil {
		r.t.Error(err)
	}
	r.messages = append(r.messages, m)
	attempt := len(r.messages)
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(attempt, rw)
		return
	}
	rw.WriteHeader(http.StatusNoContent)
}

// verify checks a message as Standard Webhooks describe it, without their library.
func verify(secret string, header http.Header, body []byte, now time.Time) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < 24 {
		return "the secret is none"
	}
	seconds, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return "the message is not of now"
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%d.%s", header.Get("webhook-id"), seconds, body)
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		text, found := strings.CutPrefix(signature, "v1,")
		sent, err := base64.StdEncoding.DecodeString(text)
		if found && err == nil && hmac.Equal(sent, mac.Sum(nil)) {
			return ""
		}
	}
	return "no signature fits"
}

// got are the messages so far.
func (r *receiver) got() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received{}, r.messages...)
}

// ids are those of the messages so far, one after the other, without repeats.
func (r *receiver) ids() (ids []string) {
	for _, m := range r.got() {
		if len(ids) == 0 || ids[len(ids)-1] != m.id {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// hook has a receiver told of changes.
func (w *world) hook(s *service.Service, r *receiver, in service.AddWebhookInput) service.AddWebhookResult {
	w.t.Helper()
	in.URL = r.url
	r.mu.Lock()
	defer r.mu.Unlock()
	added, err := s.AddWebhook(w.t.Context(), in)
	require.NoError(w.t, err)
	r.secret = added.Secret
	return added
}

// delivered waits until a webhook has been told everything.
func (w *world) delivered(s *service.Service, id string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		hook, err := s.ViewFor(everybody).GetWebhook(w.t.Context(), id)
		require.NoError(w.t, err)
		return hook.Waiting == 0
	}, time.Minute, 20*time.Millisecond)
}

// Webhooks are told of what runs change, in order, each what it asked for and nothing else.
func TestWebhooksAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	l := newLab(t, 31)
	d, people := l.below(simulator.Root, "Works", 150)
	acme, other := w.simulate(directory.Feishu, l.Company), w.simulate(directory.WeCom, newLab(t, 32).Company)
	everything, pings, of := newReceiver(t), newReceiver(t), newReceiver(t)
	all := w.hook(s, everything, service.AddWebhookInput{Content: "events", Provider: acme.name})
	ping := w.hook(s, pings, service.AddWebhookInput{})
	moved := w.hook(s, of, service.AddWebhookInput{Content: "events", Types: []string{"member.moved", "provider.*"}})
	w.succeed(acme)
	w.succeed(other)
	for _, hook := range []string{all.ID, ping.ID, moved.ID} {
		w.delivered(s, hook)
	}
	sub, _ := l.below(d, "Labs", 1)
	l.must(l.Move(people[2], d, sub), l.SetTitle(people[3], "Chief"))
	w.succeed(acme)
	for _, hook := range []string{all.ID, ping.ID, moved.ID} {
		w.delivered(s, hook)
	}
	objects, last := map[string]map[string]any{}, feed.Position{}
	for _, m := range everything.got() {
		require.Equal(t, "changes.events", m.body.Type)
		require.Equal(t, all.ID, m.body.Data.Webhook)
		require.LessOrEqual(t, len(m.body.Data.Items), 100)
		after, err := feed.ParseCursor(m.body.Data.After)
		require.NoError(t, err)
		require.False(t, after.Before(last), "each goes on where the one before ended")
		last, err = feed.ParseCursor(m.body.Data.Cursor)
		require.NoError(t, err)
		for _, e := range m.body.Data.Items {
			require.Equal(t, acme.name, e.Provider)
			require.NotContains(t, e.Object, "raw_data")
			if strings.HasPrefix(e.Type, "member.") {
				objects[e.Object["id"].(string)] = e.Object
			}
		}
	}
	require.Len(t, objects, w.count(`SELECT count(*) FROM org_members m JOIN identity_providers p
		ON p.id = m.provider_id WHERE p.name = $1`, acme.name))
	require.Len(t, everything.got(), len(everything.ids()), "nothing twice")
	counts := map[string]int{}
	for _, m := range pings.got() {
		require.Equal(t, "changes.published", m.body.Type)
		require.Empty(t, m.body.Data.Items)
		for name, n := range m.body.Data.Counts {
			counts[name] += n
		}
	}
	require.Equal(t, w.count("SELECT count(*) FROM org_members"), counts["member.created"])
	require.Equal(t, 1, counts["member.moved"])
	moves := of.got()
	require.Len(t, moves, 1)
	require.Len(t, moves[0].body.Data.Items, 1)
	require.Equal(t, "member.moved", moves[0].body.Data.Items[0].Type)

	require.NotContains(t, w.logs.String(), "token-in-the-path")
	require.NotContains(t, w.logs.String(), everything.secret)
	require.NotContains(t, w.logs.String(), "whsec_")
}

// A receiver that fails in whatever way gets the same message again, and nothing is lost or out
// of order.
func TestWebhooksThatFailAreTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	failures := map[string]func(http.ResponseWriter){
		"500": func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusInternalServerError) },
		"redirect": func(rw http.ResponseWriter) {
			rw.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			rw.WriteHeader(http.StatusTemporaryRedirect)
		},
		"closed": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"late":   func(http.ResponseWriter) { time.Sleep(16 * time.Second) },
		"wait": func(rw http.ResponseWriter) {
			rw.Header().Set("Retry-After", "7")
			rw.WriteHeader(http.StatusTooManyRequests)
		},
	}
	l := newLab(t, 33)
	l.below(simulator.Root, "Works", 120)
	acme := w.simulate(directory.Feishu, l.Company)
	receivers, hooks := map[string]*receiver{}, map[string]string{}
	for name, fail := range failures {
		r := newReceiver(t)
		r.answer = func(attempt int, rw http.ResponseWriter) {
			if attempt == 2 {
				fail(rw)
				return
			}
			rw.WriteHeader(http.StatusOK)
			_, _ = rw.Write(make([]byte, 1<<20)) // what it says does not matter
		}
		receivers[name] = r
		hooks[name] = w.hook(s, r, service.AddWebhookInput{Content: "events", Provider: acme.name}).ID
	}
	w.succeed(acme)
	for name, r := range receivers {
		w.delivered(s, hooks[name])
		got := r.got()
		require.Greater(t, len(got), 3, name)
		require.Equal(t, got[1].id, got[2].id, name)
		require.Equal(t, got[1].body.Data.Items, got[2].body.Data.Items, name)
		require.Len(t, got, len(r.ids())+1, name)
		last := feed.Position{}
		for i, m := range got {
			if i == 2 {
				continue
			}
			for _, e := range m.body.Data.Items {
				at, err := feed.ParseCursor(e.Cursor)
				require.NoError(t, err)
				require.True(t, last.Before(at), name)
				last = at
			}
		}
		rows, err := s.ViewFor(everybody).ListDeliveries(t.Context(), hooks[name], service.Page{Limit: 100})
		require.NoError(t, err)
		attempts := 0
		for _, d := range rows.Items {
			attempts += d.Attempts
			require.Equal(t, "delivered", d.Status)
		}
		require.Equal(t, len(got), attempts, name)
	}
}

// A webhook is paused when its receiver wants nothing more or has failed for days. People are
// notified. It goes on where it stopped, or where it is told to.
func TestWebhooksArePausedAndResumed(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	notified := make(chan map[string]any, 10)
	notify := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var told map[string]any
		if json.NewDecoder(r.Body).Decode(&told) == nil {
			notified <- told
		}
	}))
	w.configure(map[string]string{"ORGSYNC_NOTIFY": "json:" + notify})
	w.startWorker()
	s := w.service()
	l := newLab(t, 34)
	_, people := l.below(simulator.Root, "Works", 5)
	acme := w.simulate(directory.DingTalk, l.Company)
	status := map[string]int{"gone": http.StatusGone, "failing": http.StatusBadGateway}
	receivers, hooks := map[string]*receiver{}, map[string]string{}
	for name, code := range status {
		r := newReceiver(t)
		r.answer = func(attempt int, rw http.ResponseWriter) {
			if attempt == 1 || attempt == 2 && code != http.StatusGone {
				rw.WriteHeader(code)
			}
		}
		receivers[name] = r
		hooks[name] = w.hook(s, r, service.AddWebhookInput{}).ID
	}
	beginning, err := w.store.Feed.FindNewest(t.Context())
	require.NoError(t, err)
	w.succeed(acme)
	require.Eventually(t, func() bool { return len(receivers["failing"].got()) == 1 }, time.Minute, 20*time.Millisecond)
	_, err = w.pool.Exec(t.Context(), "UPDATE webhooks SET failing_since = now() - interval '73 hours' WHERE id = $1",
		hooks["failing"])
	require.NoError(t, err)
	for range hooks {
		told := <-notified
		require.Equal(t, "webhook_paused", told["event"])
		hook, err := s.ViewFor(everybody).GetWebhook(t.Context(), told["webhook"].(string))
		require.NoError(t, err)
		require.Equal(t, told["status"], hook.PauseReason)
		require.Equal(t, hook.ID, hooks[hook.PauseReason])
		require.Contains(t, told["text"], "orgsync webhook resume "+hook.ID)
		require.Positive(t, hook.Waiting)
	}
	l.must(l.SetTitle(people[0], "Chief"))
	w.succeed(acme)
	for name, id := range hooks {
		_, err := s.ResumeWebhook(t.Context(), access.Reach{}, id, "", service.By{})
		require.NoError(t, err)
		w.delivered(s, id)
		got := receivers[name].got()
		counts := got[len(got)-1].body.Data.Counts
		require.Equal(t, 1, counts["member.updated"], name)
		require.Equal(t, w.count("SELECT count(*) FROM org_members"), counts["member.created"], name)
		_, err = s.ResumeWebhook(t.Context(), access.Reach{}, id, beginning.Cursor(), service.By{})
		require.NoError(t, err)
		w.delivered(s, id)
		require.Equal(t, counts, receivers[name].got()[len(got)].body.Data.Counts, name)
	}
}

// A webhook that was paused for longer than changes are kept is paused as expired, and told nothing halved. It
// goes on from now. One that takes its place, with a secret of its own, goes on where it stopped.
func TestWebhooksThatFellBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	l := newLab(t, 36)
	_, people := l.below(simulator.Root, "Works", 3)
	acme := w.simulate(directory.Feishu, l.Company)
	r := newReceiver(t)
	hook := w.hook(s, r, service.AddWebhookInput{Content: "events"})
	w.succeed(acme)
	w.delivered(s, hook.ID)
	told := len(r.got())
	_, err := s.PauseWebhook(t.Context(), access.Reach{}, hook.ID, service.By{})
	require.NoError(t, err)
	l.must(l.SetTitle(people[0], "Chief"))
	w.succeed(acme)
	w.statement("UPDATE change_feed SET dropped_publication = newest, dropped_change = 1 << 40")
	_, err = s.ResumeWebhook(t.Context(), access.Reach{}, hook.ID, "", service.By{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		now, err := s.ViewFor(everybody).GetWebhook(t.Context(), hook.ID)
		return err == nil && now.PauseReason == webhooks.PausedExpired
	}, time.Minute, 50*time.Millisecond)
	require.Len(t, r.got(), told)
	_, err = s.ResumeWebhook(t.Context(), access.Reach{}, hook.ID, service.ChangesNow, service.By{})
	require.NoError(t, err)
	l.must(l.SetTitle(people[1], "Clerk"))
	w.succeed(acme)
	w.delivered(s, hook.ID)
	items := r.got()[told].body.Data.Items
	require.Len(t, r.got(), told+1)
	require.Len(t, items, 1)
	require.Equal(t, "Clerk", items[0].Object["title"])

	old, err := s.PauseWebhook(t.Context(), access.Reach{}, hook.ID, service.By{})
	require.NoError(t, err)
	l.must(l.SetTitle(people[2], "Guard"))
	w.succeed(acme)
	second := newReceiver(t)
	replacing := w.hook(s, second, service.AddWebhookInput{Content: "events"})
	require.NotEqual(t, hook.Secret, replacing.Secret)
	_, err = s.ResumeWebhook(t.Context(), access.Reach{}, replacing.ID, old.Delivered.Cursor(), service.By{})
	require.NoError(t, err)
	w.delivered(s, replacing.ID)
	require.Len(t, second.got(), 1)
	items = second.got()[0].body.Data.Items
	require.Len(t, items, 1)
	require.Equal(t, "Guard", items[0].Object["title"])
}

// Workers are killed between sending a message and noting that it was taken, before and after the
// answer. The next one sends the same message again, and goes on in order.
func TestWorkersAreKilledWhileTheyDeliver(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	s := w.service()
	l := newLab(t, 35)
	l.below(simulator.Root, "Works", 140)
	acme := w.simulate(directory.WeCom, l.Company)
	r := newReceiver(t)
	var victim atomic.Pointer[exec.Cmd]
	kill := func() {
		dying := victim.Load()
		assert.NoError(t, dying.Process.Kill())
		_ = dying.Wait()
		victim.Store(w.spawn())
	}
	r.answer = func(attempt int, rw http.ResponseWriter) {
		switch attempt {
		case 2: // taken, and never answered
			kill()
		case 4: // answered, and perhaps never noted
			rw.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(rw).Flush()
			kill()
		}
	}
	victim.Store(w.spawn())
	hook := w.hook(s, r, service.AddWebhookInput{Content: "events"})
	w.succeed(acme)
	w.delivered(s, hook.ID)
	got := r.got()
	told := map[string][]string{}
	var order []string
	for _, m := range got {
		var cursors []string
		for _, e := range m.body.Data.Items {
			cursors = append(cursors, e.Cursor)
		}
		if earlier, again := told[m.id]; again {
			require.Equal(t, earlier, cursors, "what is sent again is the same")
			require.Equal(t, order[len(order)-1], m.id, "and comes before anything else")
			continue
		}
		told[m.id], order = cursors, append(order, m.id)
	}
	require.Greater(t, len(got), len(order))
	var read []string
	for _, id := range order {
		read = append(read, told[id]...)
	}
	var stored []string
	view := s.ViewFor(everybody)
	for next := ""; ; {
		page, err := view.ReadChanges(t.Context(), service.ReadChangesInput{After: next, Limit: 1000})
		require.NoError(t, err)
		for _, e := range page.Events {
			stored = append(stored, e.Position.Cursor())
		}
		if next = page.Next; !page.More {
			break
		}
	}
	require.Equal(t, stored, read, "nothing is lost, twice or out of order")
}

// A webhook does not lead into our own network, whatever its name says when it is added, and its
// redirects are not followed.
func TestWebhooksDoNotLeadInside(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	w.startWorker()
	s := w.service()
	acme := w.simulate(directory.DingTalk, newLab(t, 36).Company)
	inside, leading := newReceiver(t), newReceiver(t)
	leading.answer = func(_ int, rw http.ResponseWriter) {
		rw.Header().Set("Location", inside.url)
		rw.WriteHeader(http.StatusFound)
	}
	hook := w.hook(s, leading, service.AddWebhookInput{})
	renamed := w.hook(s, inside, service.AddWebhookInput{})
	_, err := w.pool.Exec(t.Context(), "UPDATE webhooks SET url = 'https://[::ffff:10.0.0.1]/' WHERE id = $1",
		renamed.ID)
	require.NoError(t, err)
	w.succeed(acme)
	problems := map[string]string{hook.ID: "redirect", renamed.ID: "no public address"}
	for id, problem := range problems {
		require.Eventually(t, func() bool {
			rows, err := s.ViewFor(everybody).ListDeliveries(t.Context(), id, service.Page{Limit: 1})
			require.NoError(t, err)
			return len(rows.Items) == 1 && strings.Contains(rows.Items[0].Problem, problem)
		}, time.Minute, 20*time.Millisecond, problem)
	}
	require.Empty(t, inside.got())
	for _, private := range []string{"http://10.1.2.3/", "https://169.254.169.254/latest/meta-data", "https://[::1]/",
		"https://[fe80::1]/", "http://192.0.2.1/", "ftp://app.example.com/", "https://user@app.example.com/",
		"https://app.example.com/#x", "https://", "https://0.0.0.0/"} {
		_, err := s.AddWebhook(t.Context(), service.AddWebhookInput{URL: private})
		require.True(t, service.HasCode(err, service.InputInvalid), "%s: %v", private, err)
	}
}

// A change at a provider that tells of it is at the application seconds later, without a full run.
func TestEventsReachApplications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, intake := w.service(), w.intake()
	for _, kind := range allKinds {
		l := newLab(t, 37)
		_, people := l.below(simulator.Root, "Works", 30)
		acme := w.simulate(kind, l.Company)
		w.succeed(acme)
		pusher := w.follow(acme, intake, simulator.Delivery{})
		r := newReceiver(t)
		w.hook(s, r, service.AddWebhookInput{Content: "events", Provider: acme.name, Types: []string{"member.updated"}})
		var took []time.Duration
		for i, p := range people[:8] {
			title := fmt.Sprintf("Chief %d", i)
			began := time.Now()
			l.must(l.SetTitle(p, title))
			require.Eventually(t, func() bool { return r.has("title", title) }, time.Minute, 5*time.Millisecond, title)
			took = append(took, time.Since(began))
		}
		pusher.Wait()
		slices.Sort(took)
		t.Logf("%s: p50 %v, p95 %v from the change to the application", kind, took[len(took)/2], took[len(took)*95/100])
	}
}

// has reports whether an object with that value in a column was told.
func (r *receiver) has(column, value string) bool {
	for _, m := range r.got() {
		for _, e := range m.body.Data.Items {
			if e.Object[column] == value {
				return true
			}
		}
	}
	return false
}
