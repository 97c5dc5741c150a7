package e2e

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/internal/webhook"
	"github.com/orgsync/orgsync/server/inbound"
	"github.com/orgsync/orgsync/workflows"
)

// service returns the use cases of a world.
func (w *world) service() *service.Service { return w.serviceAt("") }

// serviceAt is service of a server that is reached at that address.
func (w *world) serviceAt(publicURL string) *service.Service {
	w.t.Helper()
	s := service.New(service.Connections{
		DatabaseURL: func() (string, error) { return w.url, nil },
		Keys:        func() (*secret.Box, error) { return w.opener.Box, nil },
		NewOpener: func(*providers.Store, *secret.Box) (*clients.Opener, error) {
			return w.opener, nil
		},
		NewSender: func() (*webhook.Sender, error) {
			return webhook.NewSender(webhook.Guard{Allowed: w.cfg.WebhookNetworks}), nil
		},
		DialTemporal: func(context.Context) (client.Client, error) {
			return client.NewClientFromExisting(w.temporal, client.Options{Namespace: w.settings["TEMPORAL_NAMESPACE"]})
		},
		TaskQueue: w.queue, Vendors: app.Vendors(), PublicURL: func() string { return publicURL },
	})
	w.t.Cleanup(s.Close)
	return s
}

// intake serves the callback address and returns its beginning.
func (w *world) intake() string {
	w.t.Helper()
	intake := w.service().NewIntake()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		intake.Run(ctx)
	}()
	w.t.Cleanup(func() {
		stop()
		<-ended
	})
	mux := http.NewServeMux()
	inbound.New(intake, slog.New(slog.DiscardHandler)).Register(mux)
	server := httptest.NewServer(mux)
	w.t.Cleanup(server.Close)
	return server.URL + "/events/"
}

// The keys of the callback addresses of tests.
const (
	encryptKey    = "sim-Encrypt-Key-01"
	verification  = "vt-sim-01"
	callbackToken = "simToken01"
	callbackAES   = "k3yForTestsOnly0123456789abcdefghijABCDEFGH"
)

// follow has a source tell the intake of every change.
func (w *world) follow(s *source, intake string, how simulator.Delivery) *simulator.Pusher {
	w.t.Helper()
	p, err := w.store.Providers.FindByName(w.t.Context(), s.name)
	require.NoError(w.t, err)
	require.NoError(w.t, w.store.EnableEvents(w.t.Context(), p, "callback", audit.By{Name: "test"}))
	url := intake + s.name
	var pusher *simulator.Pusher
	require.Eventually(w.t, func() bool {
		switch s.kind {
		case directory.Feishu:
			pusher, err = s.feishu.Subscribe(feishu.Callback{URL: url, EncryptKey: encryptKey,
				VerificationToken: verification, Delivery: how})
		case directory.DingTalk:
			pusher, err = s.ding.Subscribe(dingtalk.Callback{URL: url, Token: callbackToken, AESKey: callbackAES,
				Delivery: how})
		default:
			pusher, err = s.wecom.Subscribe(wecom.Callback{URL: url, Token: callbackToken, AESKey: callbackAES,
				Full: true, Delivery: how})
		}
		return err == nil
	}, 10*time.Second, 100*time.Millisecond, "%v", err)
	return pusher
}

var allKinds = []directory.ProviderType{directory.Feishu, directory.DingTalk, directory.WeCom}

// A change is in the directory seconds after the provider told of it, without a full run.
func TestEventsReachTheDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intake := w.intake()
	for _, kind := range allKinds {
		l := newLab(t, 7)
		d, people := l.below(simulator.Root, "Works", 30)
		s := w.simulate(kind, l.Company)
		w.succeed(s)
		pusher := w.follow(s, intake, simulator.Delivery{Duplicate: 0.5, Late: 0.5, LateBy: 300 * time.Millisecond,
			Pace: 10})
		l.must(l.SetTitle(people[0], "Chief"), l.Leave(people[1]))
		sub, hired := l.below(d, "Labs", 2)
		l.must(l.MoveDepartment(sub, simulator.Root), l.Move(people[2], d, sub), l.Join(hired[0], d))
		gone, _ := l.below(sub, "Attic", 0)
		pusher.Wait()
		w.settled(s)
		l.must(l.DeleteDepartment(gone), l.RenameDepartment(sub, "Laboratories"), l.Rehire(people[1], sub))
		pusher.Wait()
		w.settled(s)
		require.Equal(t, 1, w.count(`SELECT count(*) FROM full_runs r
			JOIN identity_providers p ON p.id = r.provider_id WHERE p.name = $1`, s.name), "full runs")
	}
}

// What a provider tells of departments that rules leave out is not followed.
func TestEventsOfExcludedDepartmentsChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intake := w.intake()
	for _, kind := range allKinds {
		l := newLab(t, 8)
		inside, _ := l.below(simulator.Root, "Inside", 3)
		outside, _ := l.below(simulator.Root, "Outside", 2)
		s := w.simulate(kind, l.Company)
		w.rules(s, `scope: { departments: { exclude: ["`+s.department(outside)+`"] } }`, false)
		read := w.wait(w.start(workflows.SyncInput{Provider: s.name}))
		require.Equal(t, directory.RunSucceeded, read.Status, read.Errors)
		pusher := w.follow(s, intake, simulator.Delivery{})
		deep, _ := l.below(outside, "Deep", 1)
		l.below(deep, "Deeper", 1)
		l.must(l.RenameDepartment(outside, "Far outside"), l.RenameDepartment(inside, "Within"))
		l.below(inside, "Deep inside", 1)
		pusher.Wait()
		w.followed(s)
		var names []string
		require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT array_agg(d.name ORDER BY d.name) FROM org_departments d
			JOIN identity_providers p ON p.id = d.provider_id
			WHERE p.name = $1 AND d.status = 'active' AND d.parent_id IS NOT NULL`, s.name).Scan(&names))
		require.Equal(t, []string{"Deep inside", "Within"}, names, kind)
		require.Len(t, w.members(s.name), 5, kind)
	}
}

// What is above an included department is followed. Where one crosses the border of the rules, with people
// whom nobody tells of, a full run follows.
func TestEventsAboveIncludedDepartments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intake := w.intake()
	for _, kind := range allKinds {
		l := newLab(t, 9)
		above, boss := l.below(simulator.Root, "Above", 1)
		inside, people := l.below(above, "Inside", 3)
		beside, strangers := l.below(simulator.Root, "Beside", 2)
		s := w.simulate(kind, l.Company)
		w.rules(s, `scope: { departments: { include: ["`+s.department(inside)+`"] } }`, false)
		read := w.wait(w.start(workflows.SyncInput{Provider: s.name}))
		require.Equal(t, directory.RunSucceeded, read.Status, read.Errors)
		pusher := w.follow(s, intake, simulator.Delivery{})
		full := 1
		becomes := func(what string, members []simulator.PersonID, paths ...string) {
			t.Helper()
			pusher.Wait()
			w.followed(s)
			var got []string
			require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT array_agg(d.name || ' in ' || p.name ORDER BY d.name)
				FROM org_departments d
				JOIN org_departments p ON p.id = d.parent_id
				JOIN identity_providers i ON i.id = d.provider_id
				WHERE i.name = $1 AND d.status = 'active'`, s.name).Scan(&got))
			root := w.departments(s.name)[s.department(simulator.Root)].Name
			for i := range paths {
				paths[i] = strings.ReplaceAll(paths[i], "root", root)
			}
			require.Equal(t, paths, got, "%s: %s", kind, what)
			var want []string
			for _, p := range members {
				want = append(want, s.member(p))
			}
			var there []string
			for id, m := range w.members(s.name) {
				if m.Status == "active" {
					there = append(there, id)
				}
			}
			require.ElementsMatch(t, want, there, "%s: %s", kind, what)
			require.Equal(t, full, w.count(`SELECT count(*) FROM full_runs r
				JOIN identity_providers p ON p.id = r.provider_id WHERE p.name = $1`, s.name), "%s: %s", kind, what)
		}
		l.must(l.RenameDepartment(above, "High above"))
		becomes("renamed", people, "High above in root", "Inside in High above")
		l.must(l.MoveDepartment(above, beside))
		becomes("moved", people, "Beside in root", "High above in Beside", "Inside in High above")
		lab, hired := l.below(inside, "Lab", 1)
		people = append(people, hired...)
		becomes("new inside", people, "Beside in root", "High above in Beside", "Inside in High above", "Lab in Inside")
		full++
		l.must(l.MoveDepartment(inside, simulator.Root))
		becomes("left what was above", people, "Inside in root", "Lab in Inside")
		full++
		l.must(l.MoveDepartment(beside, lab))
		becomes("moved in", slices.Concat(people, strangers, boss),
			"Beside in Lab", "High above in Beside", "Inside in root", "Lab in Inside")
		full++
		l.must(l.MoveDepartment(lab, simulator.Root))
		becomes("moved out", people[:3], "Inside in root")
	}
}

// count returns what a query counts.
func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(), query, args...).Scan(&n))
	return n
}

// settled waits until no event of a source waits, and requires the directory to be the company's.
func (w *world) settled(s *source) {
	w.t.Helper()
	w.followed(s)
	w.requireEqual(s)
}

// followed waits until no event of a source waits.
func (w *world) followed(s *source) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		var waiting int
		require.NoError(w.t, w.pool.QueryRow(w.t.Context(), `SELECT count(*) FROM provider_events e
			JOIN identity_providers p ON p.id = e.provider_id WHERE p.name = $1 AND e.done_at IS NULL`, s.name).Scan(
			&waiting))
		return waiting == 0
	}, 2*time.Minute, 50*time.Millisecond)
}
