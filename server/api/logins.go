package api

import (
	"context"
	"net/http"

	"github.com/orgsync/orgsync/internal/service"
)

// LoginCode is what a person's sign-in at a provider brought back.
type LoginCode struct {
	Code string `json:"code" minLength:"1" maxLength:"4096" doc:"As the provider sent it; good once."`
	Flow string `json:"flow" enum:"web,in_app" doc:"In any browser, or inside the provider's own app."`
}

// ExchangeCode is what the server's own sign-in page sent an application.
type ExchangeCode struct {
	Code string `json:"code" minLength:"1" maxLength:"200" doc:"Good once, for a minute."`
}

// Login is who signed in.
type Login struct {
	Member     Member   `json:"member"`
	Account    *Account `json:"account" doc:"The platform's account that the member is linked to."`
	FirstLogin bool     `json:"first_login" doc:"Whether the member signs in for the first time."`
}

type resolveLoginInput struct {
	Name string `path:"name" maxLength:"100" doc:"The provider's name."`
	Body LoginCode
}

type exchangeLoginInput struct{ Body ExchangeCode }

type loginOutput struct{ Body Login }

// loginErrors are the statuses of refused logins beside the common ones.
var loginErrors = []int{http.StatusNotFound, http.StatusConflict, http.StatusBadGateway}

func (a *API) registerLogins() {
	const tag = "Logins"
	register(a, operation{
		id: "resolve-login", method: http.MethodPost, path: "/logins/{name}", tag: tag,
		summary: "Resolve a provider's login into a member", errors: loginErrors,
	}, func(ctx context.Context, in *resolveLoginInput) (*loginOutput, error) {
		found, err := a.view(ctx).ResolveLogin(ctx, service.ResolveLoginInput{
			Provider: in.Name, Code: in.Body.Code, Flow: service.LoginFlow(in.Body.Flow),
		})
		return loginOf(found), err
	})
	register(a, operation{
		id: "exchange-login", method: http.MethodPost, path: "/login-exchange", tag: tag,
		summary: "Exchange a sign-in page's one-time code for the member who signed in",
	}, func(ctx context.Context, in *exchangeLoginInput) (*loginOutput, error) {
		found, err := a.view(ctx).ExchangeLogin(ctx, in.Body.Code)
		return loginOf(found), err
	})
}

func loginOf(l service.LoginResult) *loginOutput {
	out := &loginOutput{Login{Member: memberOf(l.Member.MemberRow), FirstLogin: l.First}}
	if account := l.Member.Details.Account; account != nil {
		out.Body.Account = &Account{ID: account.ID, Name: account.Name}
	}
	return out
}
