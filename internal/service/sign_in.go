package service

import (
	"context"
	"errors"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/signin"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/directory"
)

// CreateSignInLinkInput asks for a link that signs its holder in to the console once.
type CreateSignInLinkInput struct {
	Role string
	// TenantID and Provider, a provider's name, are what the holder is bound to; empty: to nothing.
	TenantID string
	Provider string
	// By is who asks; the holder is on record by the same name.
	By By
}

// CreateSignInLinkResult is a link that was made.
type CreateSignInLinkResult struct {
	// Code is what the link carries. It is told here and nowhere else.
	Code      string
	Role      string
	ExpiresAt time.Time
}

// linkLifetime is how long a link can be used.
const linkLifetime = 10 * time.Minute

// CreateSignInLink makes a link that signs its holder in to the console once.
func (s *Service) CreateSignInLink(ctx context.Context, in CreateSignInLinkInput) (CreateSignInLinkResult, error) {
	role := access.Role(in.Role)
	if !access.Known(role) {
		return CreateSignInLinkResult{}, &Error{Code: RoleUnknown,
			Args: Args{Field: "role", Text: in.Role, Allowed: access.RoleNames()}}
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return CreateSignInLinkResult{}, err
	}
	bound, err := bind(ctx, store, access.Reach{}, in.TenantID, in.Provider)
	if err != nil {
		return CreateSignInLinkResult{}, err
	}
	code, hash := access.NewToken()
	link := signin.Link{
		Name: directory.Actor(in.By.Name), Role: in.Role, TenantID: bound.TenantID, ProviderID: bound.ProviderID,
		ExpiresAt: time.Now().Add(linkLifetime).UTC().Truncate(time.Second),
	}
	err = store.SignIn.AddLink(ctx, link, hash, in.By)
	return CreateSignInLinkResult{Code: code, Role: in.Role, ExpiresAt: link.ExpiresAt}, err
}

// UseSignInLink returns the caller whom a link signs in. It can be used once. address is where
// it is used from.
func (s *Service) UseSignInLink(ctx context.Context, code, address string) (access.Caller, error) {
	hash, ok := access.HashToken(code)
	if !ok {
		return access.Caller{}, errLinkRefused
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return access.Caller{}, err
	}
	link, err := store.SignIn.TakeLink(ctx, hash, address)
	if errors.Is(err, db.ErrNotFound) {
		return access.Caller{}, errLinkRefused
	}
	return access.Caller{
		Name: link.Name, Address: address, Role: access.Role(link.Role),
		Reach: access.Reach{TenantID: link.TenantID, ProviderID: link.ProviderID},
	}, err
}

var errLinkRefused = &Error{Code: LinkRefused}

// RecordSignIn writes to the audit log that a caller has signed in to the console, and by which
// way other than a link, which says so itself.
func (s *Service) RecordSignIn(ctx context.Context, way string, c access.Caller) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	return store.SignIn.RecordSignIn(ctx, way, signin.Link{
		Name: c.Name, Role: string(c.Role), TenantID: c.Reach.TenantID, ProviderID: c.Reach.ProviderID,
	}, c.Address)
}

// FindSession returns what a browser's session holds, and false of one that is not there.
func (s *Service) FindSession(ctx context.Context, id string) ([]byte, bool, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, false, err
	}
	return store.SignIn.FindSession(ctx, id)
}

// AddSession keeps a browser's new session until it expires. name is who is signed in, if anybody.
func (s *Service) AddSession(ctx context.Context, id, name string, data []byte, expires time.Time) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	return store.SignIn.AddSession(ctx, id, name, data, expires)
}

// SaveSession keeps what became of a browser's session, unless it was ended meanwhile.
func (s *Service) SaveSession(ctx context.Context, id, name string, data []byte, expires time.Time) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	return store.SignIn.SaveSession(ctx, id, name, data, expires)
}

// DropSession ends a browser's session.
func (s *Service) DropSession(ctx context.Context, id string) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	return store.SignIn.DropSession(ctx, id)
}

// EndSessions ends all sessions of a person by the name on record, or (empty) everybody's with all
// links that are not used, and returns how many sessions that were.
func (s *Service) EndSessions(ctx context.Context, name string, by By) (int64, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return 0, err
	}
	return store.SignIn.EndSessions(ctx, name, by)
}

// IsAdministrator reports whether a member may still sign in to the console as a local
// administrator.
func (s *Service) IsAdministrator(ctx context.Context, memberID string) (bool, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return false, err
	}
	return store.Logins.IsLocalAdministrator(ctx, memberID)
}

// DropExpiredSessions deletes the sessions that have expired.
func (s *Service) DropExpiredSessions(ctx context.Context) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	return store.SignIn.DropExpiredSessions(ctx)
}
