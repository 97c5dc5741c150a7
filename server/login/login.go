// Package login is where browsers go to sign people in by way of a provider: to the provider's
// page, back from there, and on to the application that asked, or to the console.
package login

import (
	"crypto/rand"
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/console/session"
	"github.com/orgsync/orgsync/server/remote"
)

// Login answers browsers that sign in.
type Login struct {
	service   *service.Service
	sessions  *session.Sessions
	publicURL string
	log       *slog.Logger
	refused   remote.Refusals
}

// New returns what answers on mux below /login/. publicURL is where browsers reach the server.
func New(mux *http.ServeMux, s *service.Service, sessions *session.Sessions, publicURL string,
	log *slog.Logger) *Login {
	l := &Login{service: s, sessions: sessions, publicURL: publicURL, log: log,
		refused: remote.Refusals{Allowed: refusalsAllowed}}
	mux.Handle("GET /login/{provider}", http.HandlerFunc(l.begin))
	mux.Handle("GET /login/{provider}/callback", sessions.Wrap(http.HandlerFunc(l.finish)))
	return l
}

// cookieLife is how long a browser keeps what binds a sign-in to it.
const cookieLife = 10 * time.Minute

// cookie is the name of what binds a sign-in to its browser. Over TLS no other host can set it.
func (l *Login) cookie() string {
	if strings.HasPrefix(l.publicURL, "https://") {
		return "__Host-orgsync_login"
	}
	return "orgsync_login"
}

// browser returns what the browser has as a cookie, and gives it one if it has none.
func (l *Login) browser(w http.ResponseWriter, r *http.Request) string {
	value := rand.Text()
	if has, err := r.Cookie(l.cookie()); err == nil && len(has.Value) == len(value) {
		value = has.Value
	}
	http.SetCookie(w, &http.Cookie{
		Name: l.cookie(), Value: value, Path: "/", MaxAge: int(cookieLife.Seconds()), HttpOnly: true,
		Secure: strings.HasPrefix(l.publicURL, "https://"), SameSite: http.SameSiteLaxMode,
	})
	return value
}

func (l *Login) callbackURL(provider string) string {
	return l.publicURL + "/login/" + url.PathEscape(provider) + "/callback"
}

// begin sends a browser to the provider's page.
func (l *Login) begin(w http.ResponseWriter, r *http.Request) {
	if l.refused.TooMany(remote.Address(r), time.Now()) {
		l.fail(w, r, http.StatusTooManyRequests, &service.Error{Code: service.TooManyRefused})
		return
	}
	query, provider := r.URL.Query(), r.PathValue("provider")
	in := service.BeginLoginInput{
		Provider: provider, App: query.Get("app"), ReturnTo: query.Get("return_to"), State: query.Get("state"),
		CallbackURL: l.callbackURL(provider), UserAgent: r.UserAgent(), Language: string(languageOf(r)),
	}
	if in.App == "" { // to the console, where nobody is sent elsewhere
		in.ReturnTo = localPath(in.ReturnTo)
	}
	in.Browser = l.browser(w, r)
	address, err := l.service.BeginLogin(r.Context(), in)
	if err != nil {
		l.refuse(w, r, err)
		return
	}
	http.Redirect(w, r, address, http.StatusFound)
}

// finish takes a browser back from the provider's page, and sends it on.
func (l *Login) finish(w http.ResponseWriter, r *http.Request) {
	if l.refused.TooMany(remote.Address(r), time.Now()) {
		l.fail(w, r, http.StatusTooManyRequests, &service.Error{Code: service.TooManyRefused})
		return
	}
	provider := r.PathValue("provider")
	browser := ""
	if has, err := r.Cookie(l.cookie()); err == nil {
		browser = has.Value
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * time.Minute)) // a provider is asked
	done, err := l.service.FinishLogin(r.Context(), service.FinishLoginInput{
		Provider: provider, Query: r.URL.Query(), CallbackURL: l.callbackURL(provider), Browser: browser,
	})
	if err == nil && done.Caller != nil {
		done.Caller.Address = remote.Address(r)
		if err = l.sessions.SignIn(r.Context(), *done.Caller, session.Basis{MemberID: done.MemberID}); err == nil {
			err = l.service.RecordSignIn(r.Context(), "provider "+provider, *done.Caller)
		}
	}
	if err != nil {
		l.refuse(w, r, err)
		return
	}
	http.Redirect(w, r, done.Location, http.StatusFound)
}

// refuse shows a page that says what is wrong and what to do. Nobody is sent anywhere.
func (l *Login) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusForbidden
	e := service.Classify(err)
	switch e.Code {
	case service.Internal, service.SettingsWrong, service.TemporalUnreachable, service.LoginPending:
		status = http.StatusServiceUnavailable
		l.log.ErrorContext(r.Context(), "sign-in failed", "error", err)
	case service.ProviderUnknown:
		status = http.StatusNotFound
	default:
		l.refused.Add(remote.Address(r), time.Now())
	}
	l.fail(w, r, status, e)
}

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

func (l *Login) fail(w http.ResponseWriter, r *http.Request, status int, e *service.Error) {
	language := languageOf(r)
	text := language.Text("problem.internal", nil)
	switch e.Code {
	case service.Internal:
	case service.ProviderUnknown: // what is stored is nothing for a visitor
		text = language.Text(message.LoginUnknown, nil)
	default:
		text = e.Text(language, strings.Clone)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = page.Execute(w, struct{ Language, Title, Text string }{
		string(language), language.Text(message.LoginTitle, nil), text,
	})
}

func languageOf(r *http.Request) message.Language {
	return message.Match(r.Header.Get("Accept-Language"))
}

// refusalsAllowed is how many states and codes an address may get wrong within a minute.
const refusalsAllowed = 30

// localPath is a path of this server, "/" for whatever is none.
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}
