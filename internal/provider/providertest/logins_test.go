package providertest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// goodPage is a visit as the server makes it.
var goodPage = provider.LoginPage{
	Flow: provider.LoginWeb, RedirectURL: "http://localhost:1/login/acme/callback?x=1",
	State:    "0123456789abcdef0123456789abcdef",
	Verifier: strings.Repeat("v", 43), Language: "en",
}

// signIn has a person sign in on the vendor's page, and returns what comes back.
func (w *world) signIn(page provider.LoginPage, p simulator.PersonID, answer string) (query url.Values, status int) {
	w.t.Helper()
	address, err := w.logins().LoginURL(page)
	require.NoError(w.t, err)
	address, _, _ = strings.Cut(address, "#")
	var id string
	w.company.View(func(v *simulator.View) {
		person, _ := v.Person(p)
		id = w.company.UserID(w.kind, person)
	})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(address + "&sim_person=" + url.QueryEscape(id) + "&sim_answer=" + answer)
	require.NoError(w.t, err)
	require.NoError(w.t, resp.Body.Close())
	if resp.StatusCode != http.StatusFound {
		return nil, resp.StatusCode
	}
	back, err := resp.Location()
	require.NoError(w.t, err)
	require.Equal(w.t, page.State, back.Query().Get("state"))
	require.Equal(w.t, "1", back.Query().Get("x"), "the address's own query is kept")
	return back.Query(), resp.StatusCode
}

func (w *world) logins() provider.LoginResolver {
	w.t.Helper()
	resolver, ok := w.client.(provider.LoginResolver)
	require.True(w.t, ok)
	return resolver
}

func (w *world) code(page provider.LoginPage, p simulator.PersonID, answer string) provider.LoginCode {
	w.t.Helper()
	query, status := w.signIn(page, p, answer)
	require.Equal(w.t, http.StatusFound, status)
	return provider.LoginCode{
		Flow: page.Flow, Code: provider.ReturnedCode(query), RedirectURL: page.RedirectURL, Verifier: page.Verifier,
	}
}

func (w *world) requireKind(want provider.Kind, code provider.LoginCode) {
	w.t.Helper()
	_, err := w.logins().ResolveLogin(w.t.Context(), code)
	require.Equal(w.t, want, provider.KindOf(err), "%v", err)
	require.NotContains(w.t, err.Error(), code.Code)
}

func TestLogins(t *testing.T) {
	t.Parallel()
	clock := newClock()
	options := simulator.Options{NoQuotas: true, Clock: clock.Now}
	for vendor, setup := range map[string]*setup{
		"feishu":          onFeishu(feishu.Config{Options: options}),
		"feishu with 200": onFeishu(feishu.Config{Options: options, TokenErrorsAs200: true}),
		"dingtalk":        onDingTalk(dingtalk.Config{Options: options}),
		"wecom":           onWeCom(wecom.Config{Options: options}, both),
	} {
		t.Run(vendor, func(t *testing.T) {
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 40)), setup)
			require.Equal(t, provider.LoginWeb, w.logins().LoginFlowOf("Mozilla/5.0"))
			good := w.code(goodPage, 7, "")
			login, err := w.logins().ResolveLogin(t.Context(), good)
			require.NoError(t, err)
			require.Zero(t, login.Facts, "a browser's login brings who it is and nothing else")
			person, gone, err := w.client.(provider.MemberReader).ReadMember(t.Context(), login.Member)
			require.NoError(t, err)
			require.False(t, gone)
			w.company.View(func(v *simulator.View) {
				p, _ := v.Person(7)
				require.Equal(t, w.company.UserID(w.kind, p), person.ExternalID)
			})
			w.requireKind(provider.CodeRefused, good) // used
			unknown := good
			unknown.Code = "never-issued"
			w.requireKind(provider.CodeRefused, unknown)
			expired := w.code(goodPage, 7, "")
			clock.pass(6 * time.Minute)
			w.requireKind(provider.CodeRefused, expired)
			_, err = w.logins().ResolveLogin(t.Context(), w.code(goodPage, 8, ""))
			require.NoError(t, err, "a refused code costs only itself")

			if w.kind == directory.DingTalk { // whose outsiders are known by nothing but a unionid
				login, err := w.logins().ResolveLogin(t.Context(), w.code(goodPage, 7, "outsider"))
				require.Equal(t, provider.NotFound, provider.KindOf(err))
				require.NotEmpty(t, login.Member.UnionID)
			} else {
				w.requireKind(provider.OtherCompany, w.code(goodPage, 7, "outsider"))
			}
			refused, _ := w.signIn(goodPage, 7, "refuse")
			require.Empty(t, provider.ReturnedCode(refused))
			require.NotContains(t, w.log.String(), good.Code)
		})
	}
}

func TestCodesOfPKCEAndAddresses(t *testing.T) {
	t.Parallel()
	w := open(t, simulator.Generate(simulator.TypicalSpec(3, 40)),
		onFeishu(feishu.Config{Options: quiet, RedirectURLs: []string{goodPage.RedirectURL}}))
	for _, spoil := range []func(*provider.LoginCode){
		func(c *provider.LoginCode) { c.Verifier = strings.Repeat("w", 43) },
		func(c *provider.LoginCode) { c.Verifier = "" },
		func(c *provider.LoginCode) { c.RedirectURL = "http://elsewhere.example/" },
	} {
		code := w.code(goodPage, 7, "")
		spoil(&code)
		w.requireKind(provider.CodeRefused, code)
	}
	plain := goodPage
	plain.Verifier = ""
	code := w.code(plain, 7, "")
	code.Verifier = goodPage.Verifier
	w.requireKind(provider.CodeRefused, code)
	foreign := goodPage
	foreign.RedirectURL += "&y=2"
	_, status := w.signIn(foreign, 7, "")
	require.Equal(t, http.StatusBadRequest, status)
}

func TestLoginsInApps(t *testing.T) {
	t.Parallel()
	company := simulator.Generate(simulator.TypicalSpec(3, 40))
	fs, dt := feishu.New(company, feishu.Config{Options: quiet}), dingtalk.New(company, dingtalk.Config{Options: quiet})
	on := func(s *setup, h http.Handler, of *simulator.Service) *world {
		s.start = func(*simulator.Company) (http.Handler, *simulator.Service) { return h, of }
		return open(t, company, s)
	}
	f, d := on(onFeishu(feishu.Config{}), fs, fs.Service), on(onDingTalk(dingtalk.Config{}), dt, dt.Service)
	inApp := provider.LoginCode{Flow: provider.LoginInApp, Code: fs.IssueInApp(7)}
	login, err := f.logins().ResolveLogin(t.Context(), inApp)
	require.NoError(t, err)
	require.Equal(t, fs.OpenID(7), login.Member.OpenID)
	inApp.Code = dt.IssueInApp(7)
	login, err = d.logins().ResolveLogin(t.Context(), inApp)
	require.NoError(t, err)
	require.Equal(t, company.UnionID(directory.DingTalk, 7), login.Member.UnionID)
	// The two kinds of code are not interchangeable.
	d.requireKind(provider.CodeRefused, provider.LoginCode{Flow: provider.LoginWeb, Code: dt.IssueInApp(7)})
	web := d.code(goodPage, 7, "")
	web.Flow = provider.LoginInApp
	d.requireKind(provider.CodeRefused, web)
}

func TestWhatALoginInsideWeComBrings(t *testing.T) {
	t.Parallel()
	company := simulator.Generate(simulator.TypicalSpec(3, 40))
	require.NoError(t, company.SetEmail(7, "seven@acme.example"))
	require.NoError(t, company.SetPhone(7, "+8613800000007"))
	w := open(t, company, onWeCom(wecom.Config{Options: quiet}, both))
	page := goodPage
	page.Flow = w.logins().LoginFlowOf("Mozilla/5.0 wxwork/4.1")
	require.Equal(t, provider.LoginInApp, page.Flow)
	login, err := w.logins().ResolveLogin(t.Context(), w.code(page, 7, ""))
	require.NoError(t, err)
	require.Nil(t, login.Facts.Name)
	require.Equal(t, "seven@acme.example", *login.Facts.Email)
	require.Equal(t, "13800000007", *login.Facts.Phone)
	require.Equal(t, "https://wework.example/login/7", *login.Facts.AvatarURL)
	require.NotEmpty(t, login.Facts.Attributes)

	// What else there is to know is not worth a login.
	for _, code := range []int{84014, 84015, 48002, 45009} {
		w.service.Faults.Add(simulator.Fault{
			Endpoint: "auth/getuserdetail", Action: simulator.Action{Kind: simulator.Code, Code: code}, Times: 1,
		})
		login, err := w.logins().ResolveLogin(t.Context(), w.code(page, 7, ""))
		require.NoError(t, err)
		require.NotEmpty(t, login.Member.ExternalID)
		require.Zero(t, login.Facts)
	}
	w.requireKind(provider.OtherCompany, w.code(page, 7, "outsider"))
}

func TestWhoMayNotSignIn(t *testing.T) {
	t.Parallel()
	company := simulator.Generate(simulator.TypicalSpec(3, 40))
	require.NoError(t, company.Freeze(5, true))
	f := open(t, company, onFeishu(feishu.Config{Options: quiet}))
	f.requireKind(provider.MemberSuspended, f.code(goodPage, 5, ""))
	late := f.code(goodPage, 6, "")
	require.NoError(t, company.Leave(6))
	f.requireKind(provider.NotFound, late)

	// Without the permission to read the company's key the look-up decides.
	scopes, err := feishu.Without("tenant:tenant:readonly")
	require.NoError(t, err)
	f = open(t, company, onFeishu(feishu.Config{Options: quiet, Scopes: scopes}))
	login, err := f.logins().ResolveLogin(t.Context(), f.code(goodPage, 7, "outsider"))
	require.NoError(t, err)
	_, gone, err := f.client.(provider.MemberReader).ReadMember(t.Context(), login.Member)
	require.NoError(t, err)
	require.True(t, gone)

	points, err := dingtalk.Without(dingtalk.UserPoint)
	require.NoError(t, err)
	d := open(t, company, onDingTalk(dingtalk.Config{Options: quiet, Points: points}))
	d.requireKind(provider.Forbidden, d.code(goodPage, 7, ""))
	d = open(t, company, onDingTalk(dingtalk.Config{Options: quiet, KnownOutsiders: true}))
	d.requireKind(provider.OtherCompany, d.code(goodPage, 7, "outsider"))

	w := open(t, company, onWeCom(wecom.Config{Options: quiet, LinkedCorp: "wwlinked"}, both))
	w.requireKind(provider.OtherCompany, w.code(goodPage, 7, ""))
	w = open(t, company, onWeCom(wecom.Config{Options: quiet, RedirectHosts: []string{"localhost:2"}}, both))
	_, status := w.signIn(goodPage, 7, "")
	require.Equal(t, http.StatusBadRequest, status)
	w = open(t, company, onWeCom(wecom.Config{Options: quiet}, syncOnly))
	_, resolves := w.client.(provider.LoginResolver)
	require.False(t, resolves, "codes are an app's")
}

// A test of a provider makes the calls of a sign-in with a code that nobody has, and says what is
// missing for one.
func TestWhetherPeopleCanSignInIsTested(t *testing.T) {
	t.Parallel()
	company := simulator.Generate(simulator.TypicalSpec(3, 40))
	noLookup, err := dingtalk.Without("qyapi_get_member")
	require.NoError(t, err)
	noAgent := onWeCom(wecom.Config{Options: quiet}, appOnly)
	delete(noAgent.settings, "agent_id")
	for name, c := range map[string]struct {
		on    *setup
		fault simulator.Fault
		want  map[string]string
	}{
		"feishu": {on: onFeishu(feishu.Config{Options: quiet}), want: map[string]string{"sign-in": ""}},
		"feishu's app is disabled": {
			on: onFeishu(feishu.Config{Options: quiet}),
			fault: simulator.Fault{Endpoint: "oauth/v3/token", Times: 1,
				Action: simulator.Action{Kind: simulator.Code, Code: 20069}},
			want: map[string]string{"sign-in": "people cannot sign in: Feishu 20069: "},
		},
		"dingtalk": {
			on:   onDingTalk(dingtalk.Config{Options: quiet}),
			want: map[string]string{"sign-in in a browser": "", "sign-in inside DingTalk": ""},
		},
		"dingtalk's app may look nobody up": {
			on: onDingTalk(dingtalk.Config{Options: quiet, Points: noLookup}),
			want: map[string]string{
				"sign-in in a browser": "qyapi_get_member", "sign-in inside DingTalk": "",
			},
		},
		"wecom": {
			on:   onWeCom(wecom.Config{Options: quiet}, both),
			want: map[string]string{"sign-in in a browser": "", "sign-in inside WeCom": ""},
		},
		"wecom without agent_id": {
			on:   noAgent,
			want: map[string]string{"sign-in in a browser": "agent_id is not set", "sign-in inside WeCom": ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, company, c.on)
			if c.fault.Times > 0 {
				w.service.Faults.Add(c.fault)
			}
			findings, err := w.logins().CheckLogin(t.Context())
			require.NoError(t, err)
			require.Len(t, findings, len(c.want))
			for _, f := range findings {
				want, known := c.want[f.Check.String()]
				require.True(t, known, f.Check.String())
				if want == "" {
					require.Equal(t, provider.Pass, f.Level, "%+v", f)
					continue
				}
				require.Equal(t, provider.Warn, f.Level, "a sync can run all the same")
				require.Contains(t, f.Detail.String()+" "+f.Action.String(), want)
				require.NotEmpty(t, f.Action.String())
			}
			w.service.Faults.Add(simulator.Fault{Times: simulator.Forever,
				Action: simulator.Action{Kind: simulator.Forbidden}})
			findings, err = w.logins().CheckLogin(t.Context())
			require.NoError(t, err)
			for _, f := range findings {
				require.Equal(t, provider.Warn, f.Level)
			}
		})
	}
}
