package session_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/console/session"
)

// pair are two servers on one database, and a browser.
type pair struct {
	t       *testing.T
	pool    *pgxpool.Pool
	service *service.Service
	urls    []string
	jar     http.CookieJar
	// sessions are those of each server.
	sessions []*session.Sessions
}

var signedIn = access.Caller{
	Name: "ann@host", Role: access.Operator,
	Reach: access.Reach{TenantID: "t", ProviderID: "p"},
}

func newPair(t *testing.T, publicURL string) *pair {
	t.Helper()
	location := dbtest.New(t)
	pool, err := pgxpool.New(t.Context(), location)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	p := &pair{t: t, pool: pool}
	for range 2 {
		p.service = service.New(service.Connections{
			DatabaseURL: func() (string, error) { return dbtest.As(t, "orgsync_operator", location), nil },
			Keys:        func() (*secret.Box, error) { return nil, errors.New("not needed") },
		})
		t.Cleanup(p.service.Close)
		sessions := session.New(p.service, publicURL, slog.New(slog.DiscardHandler))
		mux := http.NewServeMux()
		mux.HandleFunc("/in", func(_ http.ResponseWriter, r *http.Request) {
			require.NoError(t, sessions.SignIn(r.Context(), signedIn, session.Basis{
				MemberID: r.FormValue("member"), Address: r.FormValue("address"),
			}))
		})
		mux.HandleFunc("/everywhere", func(_ http.ResponseWriter, r *http.Request) {
			c, _ := sessions.Caller(r)
			require.NoError(t, sessions.SignOutEverywhere(r.Context(), c))
		})
		p.sessions = append(p.sessions, sessions)
		mux.HandleFunc("/out", func(_ http.ResponseWriter, r *http.Request) {
			require.NoError(t, sessions.SignOut(r.Context()))
		})
		mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
			if c, ok := sessions.Caller(r); ok {
				require.Equal(t, "127.0.0.1", c.Address)
				_, _ = io.WriteString(w, c.Name+" "+string(c.Role)+" "+c.Reach.TenantID+" "+c.Reach.ProviderID)
			}
		})
		server := httptest.NewServer(sessions.Wrap(mux))
		t.Cleanup(server.Close)
		p.urls = append(p.urls, server.URL)
	}
	p.jar, err = cookiejar.New(nil)
	require.NoError(t, err)
	return p
}

func (p *pair) get(server int, path string) (string, *http.Response) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.urls[server]+path, nil)
	require.NoError(p.t, err)
	answer, err := (&http.Client{Jar: p.jar}).Do(r)
	require.NoError(p.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	return string(text), answer
}

func TestASessionIsKnownToEveryServerUntilItsEnd(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	who, answer := p.get(0, "/who")
	require.Empty(t, who)
	require.Empty(t, answer.Header.Get("Set-Cookie"), "who is not signed in gets no session")
	_, answer = p.get(0, "/in")
	cookie := answer.Header.Get("Set-Cookie")
	require.Contains(t, cookie, "HttpOnly")
	require.Contains(t, cookie, "SameSite=Lax")
	for server := range p.urls {
		who, _ = p.get(server, "/who")
		require.Equal(t, "ann@host operator t p", who)
	}
	at, err := url.Parse(p.urls[0])
	require.NoError(t, err)
	held := p.jar.Cookies(at)[0].Value
	var stored int
	require.NoError(t, p.pool.QueryRow(t.Context(), `SELECT count(*) FROM browser_sessions s
		WHERE s.id LIKE '%' || $1 || '%' OR position($1::text::bytea IN data) > 0`, held).Scan(&stored))
	require.Zero(t, stored, "the cookie is not stored")

	// Signing in again changes the cookie, so that one that was planted is worth nothing.
	p.get(0, "/in")
	require.NotEqual(t, held, p.jar.Cookies(at)[0].Value)

	kept := p.jar.Cookies(at)
	p.get(1, "/out")
	p.jar.SetCookies(at, kept)
	who, _ = p.get(0, "/who")
	require.Empty(t, who, "a cookie is worth nothing after signing out")
}

func TestASessionEndsByItself(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	p.get(0, "/in")
	_, err := p.pool.Exec(t.Context(), `UPDATE browser_sessions SET expires_at = now() - interval '1 second'`)
	require.NoError(t, err)
	who, _ := p.get(0, "/who")
	require.Empty(t, who)
	p.get(0, "/in")
	var left int
	require.NoError(t, p.pool.QueryRow(t.Context(), `SELECT count(*) FROM browser_sessions`).Scan(&left))
	require.Equal(t, 1, left, "what has expired is deleted")
}

// What a session rests on may be taken away while it lasts.
func TestASessionEndsWithWhatItRestsOn(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	exec := func(sql string) {
		t.Helper()
		_, err := p.pool.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	signedIn := func() bool {
		who, _ := p.get(1, "/who")
		return who != ""
	}
	const member = "7b2c0000-0000-4000-8000-000000000001"
	exec(`INSERT INTO identity_providers (id, name, provider_type, hold_seconds)
		VALUES ('7b2c0000-0000-4000-8000-000000000002', 'acme', 'wecom', 1)`)
	exec(`INSERT INTO org_members (id, provider_id, external_id, name)
		VALUES ('` + member + `', '7b2c0000-0000-4000-8000-000000000002', 'ann', 'Ann')`)
	exec(`INSERT INTO org_administrators (provider_id, member_id, source, level)
		VALUES ('7b2c0000-0000-4000-8000-000000000002', '` + member + `', 'local', 'admin')`)
	p.get(0, "/in?member="+member)
	require.True(t, signedIn())
	for taken, given := range map[string]string{
		`UPDATE org_administrators SET source = 'provider'`: `UPDATE org_administrators SET source = 'local'`,
		`UPDATE org_members SET status = 'inactive'`:        `UPDATE org_members SET status = 'active'`,
		`UPDATE org_members SET offline_at = now()`:         `UPDATE org_members SET offline_at = NULL`,
		`UPDATE identity_providers SET is_active = false`:   `UPDATE identity_providers SET is_active = true`,
	} {
		exec(taken)
		require.False(t, signedIn(), taken)
		exec(given)
		require.True(t, signedIn(), given)
	}

	p.get(0, "/in?address=ann@acme.example")
	require.False(t, signedIn(), "the address is on no list")
	p.sessions[1].Addresses = []string{"ann@acme.example"}
	require.True(t, signedIn())
}

func TestSigningOutEverywhere(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	jars := []http.CookieJar{p.jar}
	p.get(0, "/in")
	for range 2 {
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		p.jar, jars = jar, append(jars, jar)
		p.get(0, "/in")
	}
	_, err := p.pool.Exec(t.Context(), `UPDATE browser_sessions SET name = 'bob@host'
		WHERE id = (SELECT min(id) FROM browser_sessions)`) // another's
	require.NoError(t, err)
	p.get(1, "/everywhere")
	left := 0
	for _, p.jar = range jars {
		if who, _ := p.get(0, "/who"); who != "" {
			left++
		}
	}
	require.LessOrEqual(t, left, 1, "only another's session is left")
	ended, err := p.service.EndSessions(t.Context(), "", service.By{Name: "root@host"})
	require.NoError(t, err)
	require.EqualValues(t, left, ended)
	for _, p.jar = range jars {
		who, _ := p.get(0, "/who")
		require.Empty(t, who)
	}
}

func TestCookiesAreForTLSAloneWhereThereIsTLS(t *testing.T) {
	t.Parallel()
	p := newPair(t, "https://orgsync.example.com")
	_, answer := p.get(0, "/in")
	cookie := answer.Header.Get("Set-Cookie")
	require.Contains(t, cookie, "Secure")
	require.True(t, strings.HasPrefix(cookie, "__Host-"), cookie)
	require.Contains(t, cookie, "Path=/;")
}

func TestALinkSignsInOnce(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	made, err := p.service.CreateSignInLink(t.Context(), service.CreateSignInLinkInput{Role: "reader",
		TenantID: "11111111-1111-1111-1111-111111111111", By: service.By{Name: "root@host"}})
	require.NoError(t, err)
	caller, err := p.service.UseSignInLink(t.Context(), made.Code, "192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, access.Caller{Name: "root@host", Address: "192.0.2.1", Role: access.Reader,
		Reach: access.Reach{TenantID: "11111111-1111-1111-1111-111111111111"}}, caller)
	late, err := p.service.CreateSignInLink(t.Context(), service.CreateSignInLinkInput{
		Role: "reader", By: service.By{Name: "root@host"},
	})
	require.NoError(t, err)
	_, err = p.pool.Exec(t.Context(), `UPDATE sign_in_links SET expires_at = now()`)
	require.NoError(t, err)
	for _, code := range []string{made.Code, late.Code, "", "org_x"} {
		_, err = p.service.UseSignInLink(t.Context(), code, "192.0.2.1")
		require.True(t, service.HasCode(err, service.LinkRefused), code)
	}
}

// A request that is under way when its session is ended does not bring it back.
func TestASessionThatWasEndedStaysEnded(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	p.get(0, "/in")
	came, proceed := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(p.sessions[0].Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p.sessions[0].Put(r.Context(), "login", "begun")
		close(came)
		<-proceed
	})))
	t.Cleanup(slow.Close)
	p.urls = append(p.urls, slow.URL)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.get(2, "/")
	}()
	<-came
	_, err := p.service.EndSessions(t.Context(), signedIn.Name, service.By{Name: "admin"})
	require.NoError(t, err)
	close(proceed)
	<-ended
	who, _ := p.get(1, "/who")
	require.Empty(t, who)
	var left int
	require.NoError(t, p.pool.QueryRow(t.Context(), "SELECT count(*) FROM browser_sessions").Scan(&left))
	require.Zero(t, left)
}
