package console

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/server/console/session"
)

func (c *Console) signInRoutes() []route {
	return []route{
		{pattern: "GET /sign-in", handle: showSignIn},
		{pattern: "GET /sign-in/link", handle: showLink},
		{pattern: "POST /sign-in/link", handle: useLink},
		{pattern: "POST /sign-out", handle: signOut},
		{pattern: "POST /language", handle: chooseLanguage},
		{pattern: "/", handle: func(*request) error { return problem{http.StatusNotFound, "no_page"} }},
	}
}

func showSignIn(q *request) error {
	if q.page.SignedIn {
		return q.redirect(LocalPath(q.form("return_to")))
	}
	providers, err := q.c.service.ListLoginProviders(q.ctx)
	if err != nil {
		return err
	}
	to := url.Values{"return_to": {LocalPath(q.form("return_to"))}}.Encode()
	return q.render(q.page.T("sign_in.title"), signInPage(q.page, signInWays(q.page, q.c.OpenID, providers, to)))
}

// showLink asks before it signs in: what merely looks at a link, as chats do, does not use it up.
func showLink(q *request) error {
	return q.render(q.page.T("sign_in.title"), linkPage(q.page, q.form("code")))
}

func useLink(q *request) error {
	caller, err := q.c.service.UseSignInLink(q.ctx, q.r.PostFormValue("code"), q.page.Caller.Address)
	if err != nil {
		return err
	}
	if err := q.c.sessions.SignIn(q.ctx, caller, session.Basis{}); err != nil {
		return err
	}
	return q.redirect("/")
}

func signOut(q *request) error {
	end := q.c.sessions.SignOut
	if q.r.PostFormValue("everywhere") != "" {
		end = func(ctx context.Context) error { return q.c.sessions.SignOutEverywhere(ctx, q.page.Caller) }
	}
	if err := end(q.ctx); err != nil {
		return err
	}
	return q.redirect("/sign-in")
}

// languageLifetime is how long a chosen language is kept.
const languageLifetime = 365 * 24 * time.Hour

func chooseLanguage(q *request) error {
	to := message.Match(q.r.PostFormValue("to"))
	http.SetCookie(q.w, &http.Cookie{
		Name: languageCookie, Value: string(to), Path: "/", MaxAge: int(languageLifetime.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return q.redirect(LocalPath(q.r.PostFormValue("return_to")))
}
