package login

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/console/session"
	"github.com/orgsync/orgsync/server/remote"
)

// OIDC is an OpenID provider whose people may sign in to the console.
type OIDC struct {
	Issuer, ClientID, ClientSecret string
	// Admins are the e-mail addresses of those who may, in lower case.
	Admins []string
}

// openID signs people in to the console by an OpenID provider.
type openID struct {
	*Login
	set OIDC

	mu        sync.Mutex
	connected *oidc.Provider
}

// Where people sign in by an OpenID provider, and where it sends them back to.
const (
	openIDPath     = "/sign-in/oidc"
	openIDCallback = openIDPath + "/callback"
	openIDKey      = "oidc"
	openIDTimeout  = 15 * time.Second
)

// pending is a sign-in under way, as the session keeps it.
type pending struct{ State, Nonce, Verifier, ReturnTo string }

// OfferOIDC lets the people of an OpenID provider sign in to the console, too.
func (l *Login) OfferOIDC(mux *http.ServeMux, set OIDC) {
	o := &openID{Login: l, set: set}
	l.sessions.Addresses = set.Admins // who is taken off the list is signed in no longer
	mux.Handle("GET "+openIDPath, l.sessions.Wrap(http.HandlerFunc(o.begin)))
	mux.Handle("GET "+openIDCallback, l.sessions.Wrap(http.HandlerFunc(o.finish)))
}

// connect reads the OpenID provider's own description, once it answers.
func (o *openID) connect(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.connected == nil {
		found, err := oidc.NewProvider(ctx, o.set.Issuer)
		if err != nil {
			return nil, nil, err
		}
		o.connected = found
	}
	return o.connected, &oauth2.Config{
		ClientID: o.set.ClientID, ClientSecret: o.set.ClientSecret, Endpoint: o.connected.Endpoint(),
		RedirectURL: o.publicURL + openIDCallback, Scopes: []string{oidc.ScopeOpenID, "email"},
	}, nil
}

// outgoing bounds what is asked of the OpenID provider: redirects could lead the client's secret
// elsewhere.
func outgoing() context.Context {
	return oidc.ClientContext(context.Background(), &http.Client{
		Timeout:       openIDTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
}

func (o *openID) begin(w http.ResponseWriter, r *http.Request) {
	_, config, err := o.connect(outgoing())
	if err != nil {
		o.log.ErrorContext(r.Context(), "the OpenID provider does not answer", "error", err)
		o.fail(w, r, http.StatusServiceUnavailable, &service.Error{Code: service.OpenIDAway})
		return
	}
	p := pending{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), localPath(r.URL.Query().Get("return_to"))}
	text, err := json.Marshal(p)
	if err != nil {
		o.refuse(w, r, err)
		return
	}
	o.sessions.Put(r.Context(), openIDKey, string(text))
	http.Redirect(w, r, config.AuthCodeURL(p.State, oidc.Nonce(p.Nonce), oauth2.S256ChallengeOption(p.Verifier)),
		http.StatusFound)
}

func (o *openID) finish(w http.ResponseWriter, r *http.Request) {
	if o.refused.TooMany(remote.Address(r), time.Now()) {
		o.fail(w, r, http.StatusTooManyRequests, &service.Error{Code: service.TooManyRefused})
		return
	}
	var p pending
	kept, query := o.sessions.Take(r.Context(), openIDKey), r.URL.Query()
	if json.Unmarshal([]byte(kept), &p) != nil || p.State == "" || p.State != query.Get("state") {
		o.refuse(w, r, &service.Error{Code: service.LoginStateInvalid})
		return
	}
	caller, address, err := o.identify(p, query.Get("code"))
	if err != nil {
		o.log.LogAttrs(r.Context(), slog.LevelWarn, "sign-in by OpenID refused", slog.Any("error", err))
		o.refuse(w, r, &service.Error{Code: service.OpenIDRefused})
		return
	}
	caller.Address = remote.Address(r)
	if err = o.sessions.SignIn(r.Context(), caller, session.Basis{Address: address}); err == nil {
		err = o.service.RecordSignIn(r.Context(), "oidc", caller)
	}
	if err != nil {
		o.refuse(w, r, err)
		return
	}
	http.Redirect(w, r, p.ReturnTo, http.StatusFound)
}

// Why an OpenID provider's word is not enough. They name nobody.
var (
	errNoCode       = errors.New("the OpenID provider sent no code")
	errNoToken      = errors.New("the OpenID provider sent no ID token")
	errNonce        = errors.New("the ID token was made for another sign-in")
	errUnverified   = errors.New("the OpenID provider has not verified the e-mail address")
	errNotListed    = errors.New("the e-mail address is not in ORGSYNC_OIDC_ADMINS")
	errExchange     = errors.New("the OpenID provider refused the code")
	errTokenInvalid = errors.New("the ID token is not valid")
)

// identify returns the administrator whom a code stands for, and their e-mail address. They are on record by the OpenID
// provider's own id: addresses do not belong there.
func (o *openID) identify(p pending, code string) (caller access.Caller, address string, err error) {
	if code == "" {
		return caller, "", errNoCode
	}
	ctx := outgoing()
	found, config, err := o.connect(ctx)
	if err != nil {
		return caller, "", err
	}
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(p.Verifier))
	if err != nil {
		return caller, "", errExchange // what it says may hold the secret
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return caller, "", errNoToken
	}
	id, err := found.VerifierContext(ctx, &oidc.Config{ClientID: o.set.ClientID}).Verify(ctx, raw)
	if err != nil {
		return caller, "", errTokenInvalid
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	switch err := id.Claims(&claims); {
	case err != nil:
		return caller, "", errTokenInvalid
	case id.Nonce != p.Nonce:
		return caller, "", errNonce
	case !claims.Verified:
		return caller, "", errUnverified
	case claims.Email == "" || !slices.Contains(o.set.Admins, strings.ToLower(claims.Email)):
		return caller, "", errNotListed
	}
	return access.Caller{Name: directory.Actor("oidc " + id.Subject), Role: access.Admin},
		strings.ToLower(claims.Email), nil
}
