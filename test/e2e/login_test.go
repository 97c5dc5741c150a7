package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/db/tokens"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// loginWorld is a world whose worker the server's own workflows reach.
func loginWorld(t *testing.T) (*world, *apiServer, string) {
	t.Helper()
	w := emptyWorld(t, dbtest.New(t), server)
	w.queue = workflows.TaskQueue
	w.startWorker()
	token, hash := access.NewToken()
	_, err := w.store.Tokens.Add(t.Context(), tokens.Token{Name: "app", Role: "app"}, hash, audit.By{Name: "test"})
	require.NoError(t, err)
	return w, w.serve(), token
}

// loginAnswer is what the API says of a login.
type loginAnswer struct {
	Code   string
	Member struct {
		ID         string
		ExternalID string `json:"external_id"`
		Name       string
		Email      *string
		AvatarURL  *string `json:"avatar_url"`
		Attributes map[string]any
	}
	Account    *struct{ ID string }
	FirstLogin bool `json:"first_login"`
}

// login resolves a code by the API.
func (s *apiServer) login(token, provider, code, flow string) (int, loginAnswer) {
	s.w.t.Helper()
	body, err := json.Marshal(map[string]string{"code": code, "flow": flow})
	require.NoError(s.w.t, err)
	req, err := http.NewRequestWithContext(s.w.t.Context(), http.MethodPost, s.url+"/api/v1/logins/"+provider,
		strings.NewReader(string(body)))
	require.NoError(s.w.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.w.t, err)
	defer resp.Body.Close()
	var answer loginAnswer
	require.NoError(s.w.t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp.StatusCode, answer
}

// signInAt has a person sign in at the simulated provider's page and returns the code.
func (s *source) signInAt(t *testing.T, p simulator.PersonID, inApp bool, answer string) string {
	t.Helper()
	back := "http://localhost/back"
	page := map[directory.ProviderType]string{
		directory.Feishu:   "/open-apis/authen/v1/authorize?client_id=cli_sim&response_type=code",
		directory.DingTalk: "/oauth2/auth?client_id=dingsim&response_type=code&scope=openid&prompt=consent",
		directory.WeCom:    "/wwlogin/sso/login?login_type=CorpApp&appid=wwsim&agentid=1000002",
	}[s.kind]
	if inApp && s.kind == directory.WeCom {
		page = "/connect/oauth2/authorize?appid=wwsim&response_type=code&scope=snsapi_privateinfo&agentid=1000002"
	}
	query := url.Values{
		"redirect_uri": {back}, "state": {"s"}, "sim_answer": {answer}, "sim_person": {s.idOf(p)},
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(s.url + page + "&" + query.Encode())
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusFound, resp.StatusCode)
	to, err := resp.Location()
	require.NoError(t, err)
	return to.Query().Get("code")
}

// idOf is a person's external id.
func (s *source) idOf(p simulator.PersonID) (id string) {
	s.company.View(func(v *simulator.View) {
		person, _ := v.Person(p)
		id = s.company.UserID(s.kind, person)
	})
	return id
}

// statement runs one as the installation's owner.
func (w *world) statement(sql string, args ...any) {
	w.t.Helper()
	_, err := w.pool.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err)
}

func TestLoginsOfAllProviders(t *testing.T) {
	w, s, token := loginWorld(t)
	for _, kind := range []directory.ProviderType{directory.Feishu, directory.DingTalk, directory.WeCom} {
		company := simulator.Generate(simulator.TypicalSpec(21, 30))
		require.NoError(t, company.SetEmail(3, "three@acme.example"))
		p := w.simulate(kind, company)
		w.sync(p.name)
		refused := func(code string, signIn string) {
			t.Helper()
			_, answer := s.login(token, p.name, signIn, "web")
			require.Equal(t, code, answer.Code, kind)
			require.Empty(t, answer.Member)
		}

		status, answer := s.login(token, p.name, p.signInAt(t, 3, false, ""), "web")
		require.Equal(t, http.StatusOK, status, answer)
		require.Equal(t, []any{p.idOf(3), true}, []any{answer.Member.ExternalID, answer.FirstLogin})
		again := p.signInAt(t, 3, false, "")
		_, answer = s.login(token, p.name, again, "web")
		require.False(t, answer.FirstLogin)
		refused("code_invalid", again)
		refused("code_invalid", "made-up")
		// The same e-mail address in another company is somebody else.
		refused("other_company", p.signInAt(t, 3, false, "outsider"))

		// One who is not in the directory yet is read by a run; two of them sign in at once.
		var late []simulator.PersonID
		for _, name := range []string{"Late Ann", "Late Bob"} {
			hired, err := company.Hire(name, simulator.Root)
			require.NoError(t, err)
			late = append(late, hired)
		}
		var group sync.WaitGroup
		for _, who := range late {
			code := p.signInAt(t, who, false, "")
			group.Go(func() {
				status, answer := s.login(token, p.name, code, "web")
				if status != http.StatusOK || answer.Member.ExternalID != p.idOf(who) || !answer.FirstLogin {
					t.Errorf("%s: %d %+v", kind, status, answer)
				}
			})
		}
		group.Wait()

		require.NoError(t, company.Freeze(4, true))
		refused("suspended", p.signInAt(t, 4, false, ""))
		leaving := p.signInAt(t, 5, false, "")
		require.NoError(t, company.Leave(5))
		refused("left", leaving)
		w.statement(`UPDATE org_members SET offline_at = now(), status = 'inactive'
			WHERE external_id = $1`, p.idOf(6))
		refused("offline", p.signInAt(t, 6, false, ""))
		p.setRange(&simulator.Range{People: []simulator.PersonID{3}})
		if kind == directory.WeCom { // whose page lets nobody else in
			continue
		}
		refused("not_visible", p.signInAt(t, 7, false, ""))
	}
	for _, personal := range []string{"three@acme.example", "Late Ann"} {
		require.NotContains(t, w.logs.String(), personal)
	}
}

// setRange narrows what the app sees.
func (s *source) setRange(r *simulator.Range) {
	switch {
	case s.feishu != nil:
		s.feishu.Reconfigure(func(c *feishu.Config) { c.Range = r })
	case s.ding != nil:
		s.ding.Reconfigure(func(c *dingtalk.Config) { c.Range = r })
	case s.wecom != nil:
		s.wecom.Reconfigure(func(c *wecom.Config) { c.Range = r })
	}
}

// seal gives a provider other secrets.
func (w *world) seal(name string, secrets map[string]string) {
	w.t.Helper()
	p, err := w.store.Providers.FindByName(w.t.Context(), name)
	require.NoError(w.t, err)
	require.NoError(w.t, w.store.Providers.Update(w.t.Context(), p.ID, providers.Change{}, w.opener.Seal(secrets)))
}

// With the contact sync secret alone members are known by ids; a login inside WeCom brings more.
func TestWhatALoginBringsStays(t *testing.T) {
	w, s, token := loginWorld(t)
	company := simulator.Generate(simulator.TypicalSpec(22, 20))
	require.NoError(t, company.SetEmail(3, "three@acme.example"))
	sim := wecom.New(company, wecom.Config{})
	p := &source{kind: directory.WeCom, company: company, wecom: sim, url: serve(t, sim)}
	p.name = w.add(directory.WeCom, map[string]string{
		"corp_id": "wwsim", "sync_secret": "sim-sync-secret", "base_url": p.url,
	})
	w.sync(p.name)
	status, answer := s.login(token, p.name, p.signInAt(t, 3, true, ""), "in_app")
	require.Equal(t, []any{http.StatusConflict, "login_not_configured"}, []any{status, answer.Code})

	w.seal(p.name, map[string]string{"sync_secret": "sim-sync-secret", "secret": "sim-app-secret"})
	var name string
	company.View(func(v *simulator.View) {
		person, _ := v.Person(3)
		name = person.Name
	})
	status, answer = s.login(token, p.name, p.signInAt(t, 3, true, ""), "in_app")
	require.Equal(t, http.StatusOK, status, answer.Code)
	require.Equal(t, name, answer.Member.Name)
	require.Equal(t, "three@acme.example", *answer.Member.Email)
	require.NotNil(t, answer.Member.AvatarURL)
	require.NotEmpty(t, answer.Member.Attributes["work_email"])
	var changes int
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM org_changes c JOIN sync_runs r ON r.id = c.run_id
		WHERE r.started_by = 'login' AND c.external_id = $1 AND c.object_type = 'member' AND c.kind = 'updated'`,
		p.idOf(3)).Scan(&changes))
	require.Equal(t, 1, changes)
	var waiting int
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM login_members`).Scan(&waiting))
	require.Zero(t, waiting, "what a run has written is not kept")

	// The next full syncs, with both secrets and with that of ids alone, keep it.
	w.sync(p.name)
	w.seal(p.name, map[string]string{"sync_secret": "sim-sync-secret"})
	w.sync(p.name)
	var kept []string
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT ARRAY[name, email, avatar_url] FROM org_members
		WHERE external_id = $1`, p.idOf(3)).Scan(&kept))
	require.Equal(t, []string{name, "three@acme.example", *answer.Member.AvatarURL}, kept)
}
