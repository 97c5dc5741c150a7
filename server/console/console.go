// Package console is the web console: pages for people over the use cases, rendered on the
// server. They work without script. The table of package access says who may do what, as for
// the API.
package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/api"
	"github.com/orgsync/orgsync/server/console/session"
)

// policy is the content security policy: nothing of others, nothing inline, no evaluation.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// maxForm is how many bytes a form may have, slowTimeout how long an answer may take that asks a
// provider.
const (
	maxForm     = 256 << 10
	slowTimeout = 2 * time.Minute
)

// Follow tells each how a run stands, until it has ended or each returns false.
type Follow func(ctx context.Context, runID string, each func(p service.Progress, last bool) bool)

// Console answers browsers.
type Console struct {
	service  *service.Service
	sessions *session.Sessions
	follow   Follow
	log      *slog.Logger
	// OpenID says that an OpenID provider's people may sign in at /sign-in/oidc.
	OpenID bool
	// PublicURL is the server's own address, as providers and browsers know it.
	PublicURL string
}

// New returns the console, which answers on mux.
func New(mux *http.ServeMux, s *service.Service, sessions *session.Sessions, follow Follow, log *slog.Logger) *Console {
	c := &Console{service: s, sessions: sessions, follow: follow, log: log}
	c.registerAssets(mux)
	protect := http.NewCrossOriginProtection()
	protect.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.request(w, r, access.Caller{}).fail(problem{http.StatusForbidden, "cross_site"})
	}))
	for _, one := range c.routes() {
		mux.Handle(one.pattern, c.secure(protect.Handler(sessions.Wrap(c.handler(one)))))
	}
	return c
}

// secure adds what every page has.
func (c *Console) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Add("Vary", "Accept-Language")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// route is a page or an action.
type route struct {
	pattern string
	// operation is what the table of package access says who may do it; empty: anybody.
	operation access.Operation
	handle    func(*request) error
	// slow says that a provider is asked.
	slow bool
}

// handler lets through callers who may.
func (c *Console) handler(one route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, signedIn := c.sessions.Caller(r)
		q := c.request(w, r, caller)
		q.page.SignedIn = signedIn
		if note := api.NoteIn(r.Context()); note != nil {
			note.Actor = caller.Name
		}
		if one.slow {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(slowTimeout))
		}
		if one.operation != "" {
			if !signedIn {
				c.refuseStranger(q)
				return
			}
			if refused := access.Check(caller, one.operation); refused != access.Allowed {
				q.fail(problem{http.StatusForbidden, string(refused)})
				return
			}
		}
		if err := one.handle(q); err != nil {
			q.fail(err)
		}
	})
}

// refuseStranger sends who is not signed in to where that is done.
func (c *Console) refuseStranger(q *request) {
	to := "/sign-in"
	if q.r.Method == http.MethodGet && q.r.URL.Path != "/" {
		to += "?" + url.Values{"return_to": {q.r.URL.RequestURI()}}.Encode()
	}
	if q.r.Header.Get("HX-Request") != "" { // the whole page goes there, not a part of it
		q.w.Header().Set("HX-Redirect", to)
		q.w.WriteHeader(http.StatusUnauthorized)
		return
	}
	http.Redirect(q.w, q.r, to, http.StatusSeeOther)
}

// request is one that is answered.
type request struct {
	c    *Console
	w    http.ResponseWriter
	r    *http.Request
	ctx  context.Context
	page *Page
	view service.View
}

func (c *Console) request(w http.ResponseWriter, r *http.Request, caller access.Caller) *request {
	return &request{
		c: c, w: w, r: r, ctx: r.Context(), view: c.service.ViewFor(caller),
		page: &Page{Language: languageOf(r), Caller: caller, URL: r.URL, Now: time.Now()},
	}
}

// by is who asks, as runs and the audit log have them.
func (q *request) by() service.By {
	return service.By{Name: q.page.Caller.Name, Address: q.page.Caller.Address}
}

// form is a value that was sent, without the spaces around it.
func (q *request) form(name string) string { return strings.TrimSpace(q.r.FormValue(name)) }

// render answers with a page.
func (q *request) render(title string, body templ.Component) error {
	return q.renderAs(http.StatusOK, title, body)
}

func (q *request) renderAs(status int, title string, body templ.Component) error {
	q.page.Title = title
	if q.page.SignedIn && q.page.Can("list-runs") {
		held, err := q.view.ListRuns(q.ctx, service.ListRunsInput{Status: "held", Page: service.Page{Limit: maxHeld}})
		if err == nil {
			q.page.Held = held.Items
		}
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(status)
	return q.gone(layout(q.page, body).Render(q.ctx, q.w))
}

// part answers with a part of a page.
func (q *request) part(body templ.Component) error {
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return q.gone(body.Render(q.ctx, q.w))
}

// gone drops the error of writing to a reader who has gone.
func (q *request) gone(err error) error {
	if err != nil {
		q.c.log.DebugContext(q.ctx, "page was not read to its end", "error", err)
	}
	return nil
}

// redirect sends the browser on after a form.
func (q *request) redirect(path string) error {
	http.Redirect(q.w, q.r, path, http.StatusSeeOther)
	return nil
}

// maxHeld is how many held runs the head of a page names.
const maxHeld = 5

// problem is what only the console refuses.
type problem struct {
	status int
	code   string
}

// Error implements error.
func (p problem) Error() string { return p.code }

// statuses are those of use cases' errors that are no mistake in a form.
var statuses = map[service.Code]int{
	service.ProviderUnknown: http.StatusNotFound, service.RunUnknown: http.StatusNotFound,
	service.DepartmentUnknown: http.StatusNotFound, service.MemberUnknown: http.StatusNotFound,
	service.ObjectUnknown: http.StatusNotFound, service.GroupUnknown: http.StatusNotFound,
	service.TokenUnknown: http.StatusNotFound, service.WebhookUnknown: http.StatusNotFound,
	service.NotFound: http.StatusNotFound, service.ScheduleUnknown: http.StatusNotFound,
	service.LinkRefused: http.StatusForbidden, service.ReachTooWide: http.StatusForbidden,
	service.ListChanged: http.StatusConflict, service.AlreadyDecided: http.StatusConflict,
	service.NotHeld: http.StatusConflict, service.RunInProgress: http.StatusConflict,
	service.ProviderChanged: http.StatusConflict, service.RunUndecided: http.StatusConflict,
	service.TemporalUnreachable: http.StatusServiceUnavailable, service.SettingsWrong: http.StatusServiceUnavailable,
}

// fail answers with what went wrong, and what to do about it.
func (q *request) fail(err error) {
	var own problem
	status, text := http.StatusInternalServerError, q.page.T("problem.internal")
	if errors.As(err, &own) {
		status, text = own.status, q.page.T("problem."+own.code)
	} else if e := service.Classify(err); e.Code != service.Internal {
		status, text = http.StatusUnprocessableEntity, q.page.errorText(err)
		if known, ok := statuses[e.Code]; ok {
			status = known
		}
	} else {
		if note := api.NoteIn(q.ctx); note != nil {
			note.Problem = err
		}
		q.c.log.ErrorContext(q.ctx, "page failed", "error", err)
	}
	title := q.page.T("problem.title")
	if status == http.StatusNotFound {
		title, text = q.page.T("problem.not_found"), q.page.T("problem.no_page")
	}
	_ = q.renderAs(status, title, problemPage(q.page, title, text))
}

// languageCookie keeps which language was chosen.
const languageCookie = "orgsync_language"

// languageOf is the language that was chosen, else the one that the browser asks for.
func languageOf(r *http.Request) message.Language {
	if cookie, err := r.Cookie(languageCookie); err == nil {
		for _, l := range message.Languages {
			if cookie.Value == string(l) {
				return l
			}
		}
	}
	return message.Match(r.Header.Get("Accept-Language"))
}
