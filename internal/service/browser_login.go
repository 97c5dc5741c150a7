package service

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"time"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/logins"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// BeginLoginInput asks for a person to be signed in, in a browser, by way of a provider.
type BeginLoginInput struct {
	Provider string
	// App is the application that asks, ReturnTo where it wants the person back, State what it
	// wants back with them. Without an application the sign-in is to the console.
	App, ReturnTo, State string
	// CallbackURL is where the provider is to send the browser, Browser what the browser has as
	// a cookie.
	CallbackURL, Browser string
	UserAgent            string
	// Language is en or zh.
	Language string
}

// FinishLoginInput is what a browser comes back from the provider with.
type FinishLoginInput struct {
	Provider    string
	Query       url.Values
	CallbackURL string
	Browser     string
}

// FinishLoginResult is what becomes of a sign-in in a browser.
type FinishLoginResult struct {
	// Location is where the browser is to go.
	Location string
	// Caller is who is signed in to the console, nil if the sign-in was to an application, and
	// MemberID the member who they are.
	Caller   *access.Caller
	MemberID string
}

const (
	// loginStateLife is how long a person may take at the provider, loginCodeLife how long an
	// application may take to exchange its code.
	loginStateLife = 10 * time.Minute
	loginCodeLife  = time.Minute
	maxAppState    = 1000
)

// BeginLogin returns the address of the provider's sign-in page. What comes back from there is
// accepted once, and from this browser.
func (s *Service) BeginLogin(ctx context.Context, in BeginLoginInput) (string, error) {
	l, err := s.ViewFor(access.Caller{}).openLogins(ctx, in.Provider)
	if err != nil {
		return "", err
	}
	if in.App != "" {
		registered, err := l.store.Logins.IsReturnAddress(ctx, in.App, in.ReturnTo)
		if err != nil {
			return "", err
		}
		if !registered {
			return "", &Error{Code: ReturnToUnknown}
		}
	}
	if len(in.State) > maxAppState {
		return "", &Error{Code: InputInvalid, Err: errors.New("the state has more than 1,000 bytes")}
	}
	state := rand.Text()
	flow := l.resolver.LoginFlowOf(in.UserAgent)
	address, err := l.resolver.LoginURL(provider.LoginPage{
		Flow: flow, RedirectURL: in.CallbackURL, State: state, Verifier: verifierOf(in.Browser, state),
		Language: in.Language,
	})
	if err != nil {
		return "", &Error{Code: LoginNotConfigured, Args: Args{Provider: l.provider.Name}}
	}
	return address, l.store.Logins.Begin(ctx, digest(state), digest(in.Browser), logins.State{
		ProviderID: l.provider.ID, Flow: string(flow), App: in.App, ReturnTo: in.ReturnTo, AppState: in.State,
	}, time.Now().Add(loginStateLife))
}

// verifierOf is the PKCE verifier of a sign-in: only the browser that began it brings it about.
func verifierOf(browser, state string) string {
	mac := hmac.New(sha256.New, []byte(browser))
	mac.Write([]byte(state))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// FinishLogin resolves what a browser comes back with. An application is told by its return
// address who signed in, as a code to be exchanged once, or why nobody did. An error means that
// nothing is known of the sign-in, or that it was to the console.
func (s *Service) FinishLogin(ctx context.Context, in FinishLoginInput) (FinishLoginResult, error) {
	view := s.ViewFor(access.Caller{})
	l, err := view.openLogins(ctx, in.Provider)
	if err != nil {
		return FinishLoginResult{}, err
	}
	state := in.Query.Get("state")
	begun, err := l.store.Logins.Take(ctx, digest(state), digest(in.Browser), l.provider.ID)
	if errors.Is(err, logins.ErrNotFound) {
		return FinishLoginResult{}, &Error{Code: LoginStateInvalid}
	}
	if err != nil {
		return FinishLoginResult{}, err
	}
	var login LoginResult
	code := provider.ReturnedCode(in.Query)
	if code == "" {
		err = &Error{Code: LoginDenied}
	} else {
		login, err = view.ResolveLogin(ctx, ResolveLoginInput{
			Provider: in.Provider, Code: code, Flow: LoginFlow(begun.Flow), redirectURL: in.CallbackURL,
			verifier: verifierOf(in.Browser, state),
		})
	}
	if begun.App == "" {
		if err != nil {
			return FinishLoginResult{}, err
		}
		return l.enterConsole(ctx, login, begun)
	}
	back := url.Values{}
	if begun.AppState != "" {
		back.Set("state", begun.AppState)
	}
	if err != nil {
		back.Set("error", string(Classify(err).Code))
		return sendBack(begun.ReturnTo, back)
	}
	once, hash := access.NewToken()
	err = l.store.Logins.AddCode(ctx, hash, login.Member.ID, login.First, time.Now().Add(loginCodeLife))
	if err != nil {
		return FinishLoginResult{}, err
	}
	back.Set("code", once)
	return sendBack(begun.ReturnTo, back)
}

// sendBack adds parameters to an address, whose own query is kept.
func sendBack(address string, add url.Values) (FinishLoginResult, error) {
	to, err := url.Parse(address)
	if err != nil {
		return FinishLoginResult{}, &Error{Code: ReturnToUnknown}
	}
	query := to.Query()
	for name, values := range add {
		query[name] = values
	}
	to.RawQuery = query.Encode()
	return FinishLoginResult{Location: to.String()}, nil
}

// enterConsole lets a local administrator of a provider in to the console, as far as that
// provider.
func (l *loginSession) enterConsole(ctx context.Context, login LoginResult, begun logins.State) (FinishLoginResult,
	error) {
	is, err := l.store.Logins.IsLocalAdministrator(ctx, login.Member.ID)
	if err != nil {
		return FinishLoginResult{}, err
	}
	if !is {
		return FinishLoginResult{}, &Error{Code: NotAdministrator, Args: Args{Provider: l.provider.Name}}
	}
	caller := access.Caller{
		Name: directory.Actor("member " + login.Member.ExternalID + " of " + l.provider.Name), Role: access.Admin,
		Reach: access.Reach{ProviderID: l.provider.ID, TenantID: textOf(l.provider.TenantID)},
	}
	return FinishLoginResult{Location: begun.ReturnTo, Caller: &caller, MemberID: login.Member.ID}, nil
}

// App is an application that people sign in to in a browser.
type App = logins.App

// maxReturnTo is how long a return address may be.
const maxReturnTo = 2000

// AddApp registers an application's return addresses, beside those that it has.
func (s *Service) AddApp(ctx context.Context, name string, returnTo []string, by By) error {
	if !validTokenName(name) {
		return &Error{Code: TokenNameInvalid, Args: Args{Most: maxTokenName}}
	}
	if len(returnTo) == 0 {
		return &Error{Code: TextEmpty, Args: Args{Field: "return-to"}}
	}
	for _, address := range returnTo {
		if !isReturnAddress(address) {
			return &Error{Code: InputInvalid, Err: errors.New(
				"a return address is no https URL without user and fragment (http is for localhost alone)")}
		}
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	return store.Logins.AddApp(ctx, App{Name: name, ReturnTo: returnTo}, audit.By(by))
}

func isReturnAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(address) > maxReturnTo {
		return false
	}
	local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// ListApps returns the applications that people sign in to.
func (s *Service) ListApps(ctx context.Context) ([]App, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return store.Logins.ListApps(ctx)
}

// RemoveApp removes an application with its return addresses.
func (s *Service) RemoveApp(ctx context.Context, name string, by By) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	err = store.Logins.RemoveApp(ctx, name, audit.By(by))
	if errors.Is(err, logins.ErrNotFound) {
		return &Error{Code: AppUnknown, Args: Args{Text: name}}
	}
	return err
}

// ListLoginProviders returns the names of providers whose local administrators may sign in to
// the console by them.
func (s *Service) ListLoginProviders(ctx context.Context) ([]string, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return store.Logins.ListProviders(ctx)
}
