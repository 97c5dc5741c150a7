package e2e

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/inbound"
)

// suiteWorld is an installation with a service provider's suite.
type suiteWorld struct {
	*world
	platform *wecom.Platform
	suite    wecom.Suite
	service  *service.Service
	url      string // of the platform
	address  string // of our server
	// ahead is how far the platform's clock is ahead.
	ahead atomic.Int64
}

// newSuiteWorld starts a worker, a server and a platform with a suite of that id.
func newSuiteWorld(t *testing.T, id string) *suiteWorld {
	t.Helper()
	w := &suiteWorld{world: newWorld(t), suite: wecom.Suite{
		ID: id, Secret: "sim-suite-secret", Token: callbackToken, AESKey: callbackAES,
		ProviderCorp: "wwprovider", ProviderSecret: "sim-provider-secret",
	}}
	w.platform = wecom.NewPlatform(w.suite, simulator.Options{
		Clock: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
	})
	w.url = serve(t, w.platform)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.address = server.URL
	w.service = w.serviceAt(server.URL)
	intake := w.service.NewIntake()
	suites := intake.ForSuites()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		suites.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	go intake.Run(ctx)
	callbacks := inbound.New(intake, slog.New(slog.DiscardHandler))
	callbacks.Register(mux)
	callbacks.RegisterSuites(mux, suites)
	return w
}

// addSuite stores a provider of the suite, as an operator does.
func (w *suiteWorld) addSuite(more map[string]string) string {
	w.t.Helper()
	settings := map[string]string{
		"suite_id": w.suite.ID, "suite_secret": w.suite.Secret, "suite_token_secret": w.suite.Token,
		"suite_aes_secret": w.suite.AESKey, "provider_corp_id": w.suite.ProviderCorp,
		"provider_secret": w.suite.ProviderSecret, "base_url": w.url, "install_url": w.url,
	}
	for key, value := range more {
		settings[key] = value
	}
	config, err := json.Marshal(settings)
	require.NoError(w.t, err)
	name := "suite-" + uuid.NewString()[:8]
	_, err = w.service.AddProvider(w.t.Context(), service.AddProviderInput{
		Name: name, Type: "wecom", Config: config, Suite: true, By: service.By{Name: "test"},
	})
	require.NoError(w.t, err)
	return name
}

// subscribe saves our callback address at the platform, once our server knows the suite.
func (w *suiteWorld) subscribe() {
	w.t.Helper()
	var err error
	require.Eventually(w.t, func() bool {
		err = w.platform.Subscribe(w.address+service.SuitePath+w.suite.ID, simulator.Delivery{Pace: 50, Duplicate: 1})
		return err == nil
	}, 10*time.Second, 100*time.Millisecond, "%v", err)
}

// ticket has a ticket come.
func (w *suiteWorld) ticket() {
	w.t.Helper()
	w.platform.PushTicket(false)
	require.Zero(w.t, w.platform.Wait())
}

// link makes an install link.
func (w *suiteWorld) link(name string) string {
	w.t.Helper()
	link, err := w.service.MakeInstallLink(w.t.Context(), name, service.By{Name: "test"})
	require.NoError(w.t, err)
	return link.Link
}

func (w *suiteWorld) installation(name string) service.Installation {
	w.t.Helper()
	out, err := w.service.ShowInstallation(w.t.Context(), name)
	require.NoError(w.t, err)
	return out
}

// has waits until a company is a provider's.
func (w *suiteWorld) has(name string, company *wecom.Server) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		shown := w.installation(name)
		return shown.Company == w.platform.CompanyID(company) && shown.WithdrawnAt == nil
	}, 20*time.Second, 50*time.Millisecond)
}

// installed adds a provider and has a company install the suite for it.
func (w *suiteWorld) installed(company *wecom.Server) string {
	w.t.Helper()
	name := w.addSuite(nil)
	w.subscribe()
	w.ticket()
	_, err := w.platform.Install(w.link(name), company)
	require.NoError(w.t, err)
	w.has(name, company)
	return name
}

func (w *suiteWorld) requireSuite(name string, company *wecom.Server) {
	w.t.Helper()
	got := w.stored(name)
	want := oracle.Of(directory.WeCom, w.platform.Truth(company), got)
	require.Equal(w.t, want.Members, got.Members)
	require.Empty(w.t, oracle.Differences(want, got))
}

// runs syncs a provider and requires it to succeed.
func (w *suiteWorld) runs(name string) {
	w.t.Helper()
	result := w.sync(name)
	require.Equal(w.t, directory.RunSucceeded, result.Status, result.Errors)
}

func simCompany(l *lab) *wecom.Server { return wecom.New(l.Company, wecom.Config{}) }

// A company installs a suite by our link: the first sync is the company in encrypted ids, with
// ids for names, and a change is in the directory by its event.
func TestSuiteIsInstalledByItsLink(t *testing.T) {
	t.Parallel()
	w := newSuiteWorld(t, "wwsuite0001")
	l := newLab(t, 31)
	d, people := l.below(simulator.Root, "Works", 24)
	company := simCompany(l)
	name := w.addSuite(nil)
	_, err := w.service.MakeInstallLink(t.Context(), name, service.By{Name: "test"})
	require.True(t, service.HasCode(err, service.SuiteTicketMissing), "%v", err)
	failed := w.sync(name)
	require.Equal(t, directory.RunFailed, failed.Status)
	require.Contains(t, failed.Errors[0], "no company has installed the suite")

	w.subscribe()
	w.ticket()
	page, err := w.platform.Install(w.link(name), company)
	require.NoError(t, err)
	require.Contains(t, page, "the installation has arrived")
	w.has(name, company)
	tested, err := w.service.TestProvider(t.Context(), name)
	require.NoError(t, err)
	require.True(t, tested.OK, tested.Findings)
	require.True(t, tested.Range.Full)
	require.Equal(t, "pass", findingOf(tested, "suite ticket"))
	require.Equal(t, "warn", findingOf(tested, "suite: field name"))
	w.runs(name)
	w.requireSuite(name, company)

	p, err := w.store.Providers.FindByName(t.Context(), name)
	require.NoError(t, err)
	require.False(t, p.IDsIgnoreCase)
	require.NoError(t, w.store.EnableEvents(t.Context(), p, "callback", audit.By{Name: "test"}))
	l.must(l.SetTitle(people[0], "Chief"), l.Leave(people[1]))
	sub, hired := l.below(d, "Labs", 2)
	l.must(l.Move(people[2], d, sub), l.Join(hired[0], d))
	require.Zero(t, w.platform.Wait())
	w.followed(&source{name: name})
	w.requireSuite(name, company)
	require.Equal(t, 1, w.count(`SELECT count(*) FROM full_runs r
		JOIN identity_providers p ON p.id = r.provider_id WHERE p.name = $1 AND r.status = 'succeeded'`, name))
	w.requireNoSuiteSecrets()
}

func findingOf(tested service.TestProviderResult, check string) string {
	for _, f := range tested.Findings {
		if f.Check.String() == check {
			return string(f.Level)
		}
	}
	return ""
}

// requireNoSuiteSecrets fails if a ticket, a code or a token stands in a log or, unsealed, in the
// database.
func (w *suiteWorld) requireNoSuiteSecrets() {
	w.t.Helper()
	for _, secret := range []string{"ticket-sim-", "perm-sim-", "auth-sim-", "CAT-", "SAT-", w.suite.Secret} {
		require.NotContains(w.t, w.logs.String(), secret)
		for _, table := range []string{"suite_tickets", "suite_codes", "suite_authorizations", "suite_installs",
			"provider_tokens", "audit_log", "identity_providers", "provider_events"} {
			require.Zero(w.t, w.count("SELECT count(*) FROM "+table+" t WHERE t::text LIKE '%"+secret+"%'"), table)
		}
	}
}

// The administrator installs a 代开发 app by the code of a template: the authorisation comes as
// an event. Such an app gets names, and its permanent code is its secret, which can be reset.
func TestCustomisedAppIsInstalledByItsEvent(t *testing.T) {
	t.Parallel()
	w := newSuiteWorld(t, "dktemplate01")
	l := newLab(t, 32)
	l.below(simulator.Root, "Works", 5)
	company := simCompany(l)
	name := w.installed(company)
	w.runs(name)
	w.requireSuite(name, company)
	first := w.installation(name).AuthorizedAt

	w.ahead.Add(int64(2 * time.Second))
	w.platform.ResetSecret(company)
	require.Zero(t, w.platform.Wait())
	require.Eventually(t, func() bool { return w.installation(name).AuthorizedAt.After(*first) }, 20*time.Second,
		50*time.Millisecond)
	l.hire(simulator.Root)
	w.runs(name)
	w.requireSuite(name, company)
}

// Whoever uninstalls the suite loses nobody here, whether or not WeCom tells of it; installing it
// again goes on where it was.
func TestUninstallingRemovesNobody(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		w := newSuiteWorld(t, "wwsuite0002")
		l := newLab(t, 33)
		_, people := l.below(simulator.Root, "Works", 30)
		company := simCompany(l)
		name := w.installed(company)
		w.runs(name)
		before := w.stored(name)
		l.must(l.Leave(people[0]))
		w.ahead.Add(int64(2 * time.Second))
		w.platform.Uninstall(company, lost)
		require.Zero(t, w.platform.Wait())
		result := w.sync(name)
		require.Equal(t, directory.RunFailed, result.Status, "lost %v: %v", lost, result.Errors)
		require.Contains(t, result.Errors[0], "nothing is removed here for that")
		require.Equal(t, before.Members, w.stored(name).Members)
		tested, err := w.service.TestProvider(t.Context(), name)
		require.NoError(t, err)
		require.False(t, tested.OK)
		require.Contains(t, tested.Findings[0].Action.String(), "orgsync provider install")
		require.Equal(t, lost, w.installation(name).WithdrawnAt == nil)

		w.ahead.Add(int64(2 * time.Second))
		_, err = w.platform.Install(w.link(name), company)
		require.NoError(t, err)
		w.has(name, company)
		require.Eventually(t, func() bool { return w.sync(name).Status == directory.RunSucceeded }, time.Minute,
			100*time.Millisecond)
		w.requireSuite(name, company)
	}
}

// A ticket that stays away stops nothing before the tokens run out. Then runs fail and say so,
// until the next ticket comes.
func TestRunsOutliveALostTicket(t *testing.T) {
	t.Parallel()
	w := newSuiteWorld(t, "wwsuite0003")
	l := newLab(t, 34)
	l.below(simulator.Root, "Works", 3)
	company := simCompany(l)
	name := w.installed(company)
	w.runs(name)
	for range 3 {
		w.ahead.Add(int64(wecom.TicketEvery))
		w.platform.PushTicket(true)
	}
	w.ahead.Add(int64(wecom.TicketEvery))
	l.hire(simulator.Root)
	w.runs(name) // by the tokens
	w.platform.Tokens.ExpireAll()
	company.Tokens.ExpireAll()
	_, err := w.service.TestProvider(t.Context(), name)
	require.NoError(t, err)
	tested, err := w.service.TestProvider(t.Context(), name)
	require.NoError(t, err)
	require.False(t, tested.OK)
	require.Contains(t, tested.Findings[0].Detail.String(), "ticket")
	w.ticket()
	w.runs(name)
	w.requireSuite(name, company)
}

// Two tenants' companies use one suite: each has its own, by its own link, and the second link
// needs no ticket of its own. Forged, foreign and repeated messages change nothing.
func TestTwoTenantsShareASuite(t *testing.T) {
	t.Parallel()
	w := newSuiteWorld(t, "wwsuite0004")
	one, other := newLab(t, 35), newLab(t, 36)
	one.below(simulator.Root, "Works", 3)
	other.below(simulator.Root, "Mills", 4)
	first, second := simCompany(one), simCompany(other)
	a := w.installed(first)
	b := w.addSuite(nil)
	_, err := w.platform.Install(w.link(b), second)
	require.NoError(t, err)
	w.has(b, second)
	w.runs(a)
	w.runs(b)
	w.requireSuite(a, first)
	w.requireSuite(b, second)

	// A stranger who knows the id alone can say nothing about either.
	stranger := w.addSuite(map[string]string{"suite_token_secret": "strangersToken"})
	forged := wecom.NewPlatform(wecom.Suite{ID: w.suite.ID, Token: "strangersToken", AESKey: callbackAES,
		ProviderCorp: w.suite.ProviderCorp}, simulator.Options{})
	require.Eventually(t, func() bool {
		return forged.Subscribe(w.address+service.SuitePath+w.suite.ID, simulator.Delivery{Pace: 50}) == nil
	}, 10*time.Second, 100*time.Millisecond)
	forged.Uninstall(first, false)
	forged.PushTicket(false)
	require.Zero(t, forged.Wait())
	require.Nil(t, w.installation(a).WithdrawnAt)
	require.NotNil(t, w.installation(stranger).TicketAt)
	w.company(a, first)

	// A message under a key that nobody has is refused and counted.
	wrong := wecom.NewPlatform(wecom.Suite{ID: w.suite.ID, Token: "wrong", AESKey: callbackAES}, simulator.Options{})
	require.Error(t, wrong.Subscribe(w.address+service.SuitePath+w.suite.ID, simulator.Delivery{}))
	require.Eventually(t, func() bool {
		return w.count(`SELECT count(*) FROM provider_event_refusals r
			JOIN identity_providers p ON p.id = r.provider_id
			WHERE p.name = $1 AND r.reason = 'signature'`, a) == 1
	}, 20*time.Second, 100*time.Millisecond)

	// A company that comes by the market belongs to nobody until a person says whose it is.
	third := newLab(t, 37)
	third.below(simulator.Root, "Yards", 2)
	came := simCompany(third)
	c := w.addSuite(nil)
	w.platform.Market(came, "")
	require.Zero(t, w.platform.Wait())
	require.Eventually(t, func() bool { return len(w.installation(c).Unclaimed) == 1 }, 20*time.Second,
		50*time.Millisecond)
	require.Empty(t, w.installation(c).Company)
	id := w.platform.CompanyID(came)
	require.Equal(t, id, w.installation(c).Unclaimed[0].Company)
	_, err = w.service.ClaimCompany(t.Context(), a, id, service.By{Name: "test"})
	require.True(t, service.HasCode(err, service.CompanyOther), "%v", err)
	_, err = w.service.ClaimCompany(t.Context(), c, id, service.By{Name: "test"})
	require.NoError(t, err)
	require.Empty(t, w.installation(c).Unclaimed)
	w.runs(c)
	w.requireSuite(c, came)

	// A new seal reaches tickets and permanent codes, too.
	var old [][]byte
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT array_agg(sealed) FROM (
		SELECT sealed FROM suite_tickets UNION ALL SELECT sealed FROM suite_authorizations) s`).Scan(&old))
	require.Len(t, old, 4+3)
	_, err = w.service.ResealSecrets(t.Context())
	require.NoError(t, err)
	require.Zero(t, w.count(`SELECT count(*) FROM (SELECT sealed FROM suite_tickets
		UNION ALL SELECT sealed FROM suite_authorizations) s WHERE sealed = ANY ($1::bytea[])`, old))
	w.runs(c)

	// The link of one provider does not take another's company.
	d := w.addSuite(nil)
	_, err = w.platform.Install(w.link(d), first)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return w.installation(d).Problem != "" }, 20*time.Second, 50*time.Millisecond)
	w.company(a, first)
	require.Empty(t, w.installation(d).Company)
	w.requireNoSuiteSecrets()
}

// company requires a provider to have a company still.
func (w *suiteWorld) company(name string, company *wecom.Server) {
	w.t.Helper()
	shown := w.installation(name)
	require.Equal(w.t, w.platform.CompanyID(company), shown.Company)
	require.Nil(w.t, shown.WithdrawnAt)
}

// What the suite sees may shrink, or be no more than the members who authorise it one by one: the run is held,
// and nobody is removed.
func TestSuiteWhoseRangeShrinksIsHeld(t *testing.T) {
	t.Parallel()
	w := newSuiteWorld(t, "wwsuite0005")
	l := newLab(t, 38)
	d, _ := l.below(simulator.Root, "Works", 30)
	l.below(simulator.Root, "Mills", 30)
	company := simCompany(l)
	name := w.installed(company)
	w.runs(name)
	before := w.stored(name)
	w.platform.SetRange(company, &simulator.Range{Departments: []simulator.Dept{d}}, false)
	require.Zero(t, w.platform.Wait())
	require.Equal(t, directory.RunHeld, w.sync(name).Status)
	require.Len(t, w.members(name), len(before.Members))
	w.platform.SetRange(company, nil, true)
	require.Zero(t, w.platform.Wait())
	require.Equal(t, directory.RunHeld, w.sync(name).Status)
	require.Len(t, w.members(name), len(before.Members))
}

// Where members authorise a suite one by one, they are all that is read, and stand in the root. One who takes it
// back goes.
func TestMembersAuthoriseASuiteOneByOne(t *testing.T) {
	t.Parallel()
	w := newSuiteWorld(t, "wwsuite0006")
	l := newLab(t, 39)
	_, people := l.below(simulator.Root, "Works", 50)
	company := simCompany(l)
	name := w.installed(company)
	authorised := func(people []simulator.PersonID) {
		t.Helper()
		w.platform.SetRange(company, &simulator.Range{People: people}, true)
		require.Zero(t, w.platform.Wait())
	}
	there := func(people []simulator.PersonID) {
		t.Helper()
		want := map[string]bool{}
		for _, p := range people {
			want[w.platform.UserID((&source{kind: directory.WeCom, company: l.Company}).member(p))] = true
		}
		got := map[string]bool{}
		for id, m := range w.members(name) {
			got[id] = true
			require.Equal(t, []string{"1"}, m.Departments)
		}
		require.Equal(t, want, got)
		require.Len(t, w.departments(name), 1)
	}
	authorised(people[:45])
	tested, err := w.service.TestProvider(t.Context(), name)
	require.NoError(t, err)
	require.True(t, tested.OK, tested.Findings)
	require.Equal(t, "warn", findingOf(tested, "suite: visible range"))
	w.runs(name)
	there(people[:45])
	authorised(people[1:46])
	w.runs(name)
	there(people[1:46])
	authorised(nil)
	require.NotEqual(t, directory.RunSucceeded, w.sync(name).Status, "a list of nobody is none")
	there(people[1:46])
}

// Members sign in to a third-party suite inside WeCom, to a 代开发 app in any browser as well. A member of another
// company that has the suite is none of this one.
func TestMembersSignInToASuite(t *testing.T) {
	t.Parallel()
	for id, agents := range map[string][]string{
		"wwsuite0007": {"wxwork"}, "dktemplate07": {"wxwork", "Firefox"},
	} {
		w := newSuiteWorld(t, id)
		l, other := newLab(t, 40), newLab(t, 41)
		_, people := l.below(simulator.Root, "Works", 2)
		_, strangers := other.below(simulator.Root, "Works", 2)
		company, second := simCompany(l), simCompany(other)
		page, elsewhere := serve(t, w.platform.Host(company)), serve(t, w.platform.Host(second))
		name := w.addSuite(map[string]string{"authorize_url": page, "login_url": page, "agent_id": "1000005"})
		w.subscribe()
		w.ticket()
		_, err := w.platform.Install(w.link(name), company)
		require.NoError(t, err)
		w.has(name, company)
		w.runs(name)
		signIn := func(agent, at string, who *lab, p simulator.PersonID, answer string) (service.LoginResult, error) {
			t.Helper()
			address, err := w.service.BeginLogin(t.Context(), service.BeginLoginInput{
				Provider: name, CallbackURL: "http://localhost/back", Browser: "b", UserAgent: agent, Language: "en",
			})
			require.NoError(t, err)
			address, _, inApp := strings.Cut(address, "#wechat_redirect")
			client := &http.Client{
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			}
			plain := (&source{kind: directory.WeCom, company: who.Company}).member(p)
			resp, err := client.Get(strings.Replace(address, page, at, 1) + "&sim_person=" + plain + "&sim_answer=" +
				answer)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusFound, resp.StatusCode, address)
			to, err := resp.Location()
			require.NoError(t, err)
			flow := service.LoginWeb
			if inApp {
				flow = service.LoginInApp
			}
			return w.service.ViewFor(everybody).ResolveLogin(t.Context(), service.ResolveLoginInput{
				Provider: name, Code: to.Query().Get("code"), Flow: flow,
			})
		}
		for _, agent := range agents {
			got, err := signIn(agent, page, l, people[0], "")
			require.NoError(t, err)
			require.Equal(t, w.platform.UserID((&source{kind: directory.WeCom, company: l.Company}).member(people[0])),
				got.Member.ExternalID)
			_, err = signIn(agent, page, l, people[0], "outsider")
			require.True(t, service.HasCode(err, service.LoginOtherCompany), "%v", err)
		}
		tested, err := w.service.TestProvider(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, "pass", findingOf(tested, "sign-in inside WeCom"))
		inBrowsers := "pass"
		if len(agents) == 1 {
			inBrowsers = "warn"
			_, err := signIn("wxwork", elsewhere, other, strangers[0], "")
			require.True(t, service.HasCode(err, service.LoginOtherCompany), "%v", err)
			_, err = w.service.BeginLogin(t.Context(), service.BeginLoginInput{Provider: name, UserAgent: "Firefox",
				CallbackURL: "http://localhost/back", Browser: "b"})
			require.True(t, service.HasCode(err, service.LoginNotConfigured), "%v", err)
		}
		require.Equal(t, inBrowsers, findingOf(tested, "sign-in in a browser"))
	}
}
