package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/logins"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/workflows"
)

// LoginFlow is how a person signed in: in any browser, or inside the provider's own app.
type LoginFlow = provider.LoginFlow

// The flows.
const (
	LoginWeb   = provider.LoginWeb
	LoginInApp = provider.LoginInApp
)

// ResolveLoginInput asks who signed in at a provider.
type ResolveLoginInput struct {
	Provider string
	Code     string
	Flow     LoginFlow
	// redirectURL and verifier are those of a sign-in that this server began.
	redirectURL, verifier string
}

// LoginResult is who signed in.
type LoginResult struct {
	Member MemberResult
	// First: the member had not signed in before.
	First bool
}

const (
	// loginPatience is how long a login waits for the run that reads the member, factPatience
	// for one that only adds what the login brought.
	loginPatience = 20 * time.Second
	factPatience  = 3 * time.Second
	// loginLook is how often a login looks whether the run is done.
	loginLook = 100 * time.Millisecond
)

// ResolveLogin returns the member who signed in. The code names a person, whom the app's own
// look-up must know and whom the directory must hold; one not yet in it is read first, by a
// run. Nothing is taken from a profile that people keep by themselves.
func (v View) ResolveLogin(ctx context.Context, in ResolveLoginInput) (LoginResult, error) {
	if in.Flow != LoginWeb && in.Flow != LoginInApp {
		return LoginResult{}, &Error{Code: InputInvalid, Err: errors.New("the flow is neither web nor in_app")}
	}
	l, err := v.openLogins(ctx, in.Provider)
	if err != nil {
		return LoginResult{}, err
	}
	person, facts, err := l.identify(ctx, provider.LoginCode{
		Flow: in.Flow, Code: in.Code, RedirectURL: in.redirectURL, Verifier: in.verifier,
	})
	if err != nil {
		return LoginResult{}, err
	}
	id, err := l.admit(ctx, person, facts)
	if err != nil {
		return LoginResult{}, err
	}
	first, err := l.store.Logins.Record(ctx, id)
	if err != nil {
		return LoginResult{}, err
	}
	member, err := v.GetMember(ctx, id)
	return LoginResult{Member: member, First: first}, err
}

// loginSession resolves one login of a provider.
type loginSession struct {
	service  *Service
	store    *db.Store
	vault    *clients.Opener
	provider providers.Provider
	resolver provider.LoginResolver
	reader   provider.MemberReader
}

// openLogins opens a provider whose people may sign in.
func (v View) openLogins(ctx context.Context, name string) (*loginSession, error) {
	vault, err := v.s.openVault(ctx)
	if err != nil {
		return nil, err
	}
	store, err := v.s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	p, err := findWithin(ctx, store, v.within, name)
	if err != nil {
		return nil, err
	}
	if !p.Active {
		return nil, &Error{Code: ProviderInactive, Args: Args{Provider: p.Name}}
	}
	opened, err := vault.Open(ctx, p, nil)
	if err != nil {
		return nil, &Error{Code: ProviderConfigInvalid, Err: err}
	}
	l := &loginSession{service: v.s, store: store, vault: vault, provider: p}
	var resolves, reads bool
	l.resolver, resolves = opened.(provider.LoginResolver)
	l.reader, reads = opened.(provider.MemberReader)
	if !resolves || !reads {
		return nil, l.refuse(LoginNotConfigured)
	}
	return l, nil
}

func (l *loginSession) refuse(code Code) error {
	return &Error{Code: code, Args: Args{Provider: l.provider.Name}}
}

// identify returns the person whom a code stands for as the provider shows them to the app, and
// the facts that only the login brought.
func (l *loginSession) identify(ctx context.Context, code provider.LoginCode) (directory.Member, directory.Profile,
	error) {
	var none directory.Member
	login, err := l.resolver.ResolveLogin(ctx, code)
	if err != nil {
		return none, directory.Profile{}, l.refusal(ctx, login.Member, err)
	}
	person, gone, err := l.reader.ReadMember(ctx, login.Member)
	switch {
	case provider.KindOf(err) == provider.NotFound: // it may only be out of sight
		return none, directory.Profile{}, l.refuse(LoginNotVisible)
	case err != nil:
		return none, directory.Profile{}, l.refusal(ctx, login.Member, err)
	case gone:
		return none, directory.Profile{}, l.gone(ctx, login.Member)
	case person.Status != nil && *person.Status == directory.Deleted:
		return none, directory.Profile{}, l.refuse(LoginLeft)
	case person.Status != nil && *person.Status == directory.Inactive:
		return none, directory.Profile{}, l.refuse(LoginSuspended)
	}
	return person, login.Facts.Without(person.Profile), nil
}

// refusals are the codes of what a provider says about a code or a person.
var refusals = map[provider.Kind]Code{
	provider.CodeRefused: LoginCodeInvalid, provider.OtherCompany: LoginOtherCompany,
	provider.MemberSuspended: LoginSuspended, provider.OutOfRange: LoginNotVisible,
}

func (l *loginSession) refusal(ctx context.Context, ref provider.MemberRef, err error) error {
	var failed *provider.Error
	kind := provider.KindOf(err)
	switch {
	case kind == provider.NotFound:
		return l.gone(ctx, ref)
	case refusals[kind] != "":
		return l.refuse(refusals[kind])
	case errors.As(err, &failed):
		return &Error{Code: ProviderFailed, Args: Args{Provider: l.provider.Name}, Err: failed}
	}
	return err
}

// gone tells of a person whom the company does not have: they left if the directory knew them.
// Ids that are good in all companies may be another's; those of one company are its own.
func (l *loginSession) gone(ctx context.Context, ref provider.MemberRef) error {
	_, err := l.find(ctx, ref)
	switch {
	case err == nil, errors.Is(err, logins.ErrNotFound) && ref.UnionID == "" && ref.OpenID == "":
		return l.refuse(LoginLeft)
	case errors.Is(err, logins.ErrNotFound):
		return l.refuse(LoginOtherCompany)
	}
	return err
}

func (l *loginSession) find(ctx context.Context, ref provider.MemberRef) (logins.Member, error) {
	return l.store.Logins.FindMember(ctx, l.provider.ID, l.provider.IDsIgnoreCase, ref.ExternalID, ref.UnionID,
		ref.OpenID)
}

// admit returns the id of the person's row in the directory once that is as it must be.
func (l *loginSession) admit(ctx context.Context, person directory.Member, facts directory.Profile) (string, error) {
	ref := provider.MemberRef{ExternalID: person.ExternalID, UnionID: person.UnionID, OpenID: person.OpenID}
	row, err := l.find(ctx, ref)
	if err != nil && !errors.Is(err, logins.ErrNotFound) {
		return "", err
	}
	facts = normalize.Member(directory.Member{Profile: facts}).Profile
	switch {
	case row.OfflineAt != nil:
		return "", l.refuse(LoginOffline)
	case !usable(row) || !named(row) && (named(logins.Member{ExternalID: row.ExternalID, Name: textOf(person.Name)})):
		if err := l.read(ctx, person.ExternalID, facts, loginPatience); err != nil {
			return "", err
		}
		if row, err = l.find(ctx, ref); errors.Is(err, logins.ErrNotFound) {
			return "", l.refuse(LoginNotVisible)
		}
		if err != nil {
			return "", err
		}
	case lacks(row, facts):
		if err := l.read(ctx, person.ExternalID, facts, factPatience); err != nil && !HasCode(err, LoginPending) {
			return "", err
		}
	}
	switch {
	case row.OfflineAt != nil:
		return "", l.refuse(LoginOffline)
	case row.Status == string(directory.Deleted): // by the rules: the provider shows the person
		return "", l.refuse(LoginNotVisible)
	case row.Status == string(directory.Inactive):
		return "", l.refuse(LoginSuspended)
	}
	return row.ID, nil
}

// usable reports whether a row is of a member who works there.
func usable(m logins.Member) bool { return m.Status == string(directory.Active) }

// named reports whether a member has a name and not a placeholder.
func named(m logins.Member) bool { return m.Name != "" && m.Name != m.ExternalID }

func textOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// lacks reports whether a stored member differs from facts of a login.
func lacks(m logins.Member, facts directory.Profile) bool {
	differs := func(stored, fact *string) bool { return fact != nil && textOf(stored) != *fact }
	if facts.Name != nil && !named(m) || differs(m.Email, facts.Email) || differs(m.Phone, facts.Phone) ||
		differs(m.AvatarUrl, facts.AvatarURL) {
		return true
	}
	stored := map[directory.Attribute]any{}
	if json.Unmarshal(m.Attributes, &stored) != nil {
		return true
	}
	for name, value := range facts.Attributes {
		if stored[name] != value {
			return true
		}
	}
	return false
}

// read has a run read the member and write what the login brought, and waits for it.
func (l *loginSession) read(ctx context.Context, externalID string, facts directory.Profile,
	patience time.Duration) error {
	var sealed []byte
	var err error
	if lacks(logins.Member{Attributes: json.RawMessage("{}")}, facts) {
		if sealed, err = l.vault.SealFacts(l.provider.ID, externalID, facts); err != nil {
			return err
		}
	}
	wish, err := l.store.Logins.AddMember(ctx, l.provider.ID, externalID, sealed)
	if err != nil {
		return err
	}
	temporal, err := l.service.openTemporal(ctx)
	if err != nil {
		return err
	}
	id := workflows.LoginsWorkflowID(l.provider.Name)
	if _, err := temporal.SignalWithStartWorkflow(ctx, id, workflows.LoginSignal, nil, client.StartWorkflowOptions{
		ID: id, TaskQueue: l.service.taskQueue(),
	}, workflows.RecordLoginsName, workflows.LoginsInput{Provider: l.provider.Name}); err != nil {
		return fmt.Errorf("have a member read who signed in: %w", err)
	}
	return l.await(ctx, wish, patience)
}

// await waits until a run has dealt with a wish. It returns LoginPending if none has in time.
func (l *loginSession) await(ctx context.Context, wish string, patience time.Duration) error {
	until := time.NewTimer(patience)
	defer until.Stop()
	tick := time.NewTicker(loginLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-until.C:
			return l.refuse(LoginPending)
		case <-tick.C:
			if waiting, err := l.store.Logins.IsWaiting(ctx, wish); err != nil || !waiting {
				return err
			}
		}
	}
}

// ExchangeLogin returns whom a one-time code of a sign-in in a browser stands for.
func (v View) ExchangeLogin(ctx context.Context, code string) (LoginResult, error) {
	refused := &Error{Code: LoginCodeInvalid}
	hash, ok := access.HashToken(code)
	if !ok {
		return LoginResult{}, refused
	}
	store, err := v.s.openStore(ctx)
	if err != nil {
		return LoginResult{}, err
	}
	id, first, err := store.Logins.TakeCode(ctx, hash)
	if errors.Is(err, logins.ErrNotFound) {
		return LoginResult{}, refused
	}
	if err != nil {
		return LoginResult{}, err
	}
	member, err := v.GetMember(ctx, id)
	if HasCode(err, MemberUnknown) { // of a provider that the caller does not reach
		return LoginResult{}, refused
	}
	return LoginResult{Member: member, First: first}, err
}
