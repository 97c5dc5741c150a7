package service

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/tokens"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/directory"
)

// Token is a stored API token: all but the token itself, which nobody has.
type Token = tokens.Token

// CreateTokenInput asks for an API token.
type CreateTokenInput struct {
	Name string
	Role string
	// TenantID and Provider, a provider's name, are what it is bound to; empty: to nothing.
	TenantID string
	Provider string
	// ExpiresIn is for how long it may be used, nil for ever.
	ExpiresIn *time.Duration
	// Within is how far the caller reaches: a token reaches no further.
	Within access.Reach
	By     By
}

// CreateTokenResult is a token that was made.
type CreateTokenResult struct {
	Token
	// Secret is what a caller of the API sends. It is told here and nowhere else.
	Secret string
}

var errTokenRefused = &Error{Code: TokenRefused}

var errTooWide = &Error{Code: ReachTooWide}

const (
	maxTokenName = 100
	// longestExpiry is far longer than a token should live.
	longestExpiry = 10 * 366 * 24 * time.Hour
)

// CreateToken makes an API token.
func (s *Service) CreateToken(ctx context.Context, in CreateTokenInput) (CreateTokenResult, error) {
	var result CreateTokenResult
	if !validTokenName(in.Name) {
		return result, &Error{Code: TokenNameInvalid, Args: Args{Most: maxTokenName}}
	}
	role := access.Role(in.Role)
	if !access.Known(role) {
		return result, &Error{Code: RoleUnknown, Args: Args{Field: "role", Text: in.Role, Allowed: access.RoleNames()}}
	}
	if in.ExpiresIn != nil && (*in.ExpiresIn <= 0 || *in.ExpiresIn > longestExpiry) {
		return result, &Error{Code: ExpiryInvalid, Args: Args{Field: "expires", Duration: *in.ExpiresIn,
			Limit: longestExpiry}}
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return result, err
	}
	reach, err := bind(ctx, store, in.Within, in.TenantID, in.Provider)
	if err != nil {
		return result, err
	}
	token := Token{Name: in.Name, Role: in.Role, TenantID: reach.TenantID, ProviderID: reach.ProviderID}
	if in.ExpiresIn != nil {
		at := time.Now().Add(*in.ExpiresIn).UTC().Truncate(time.Second)
		token.ExpiresAt = &at
	}
	secret, hash := access.NewToken()
	result.Token, err = store.Tokens.Add(ctx, token, hash, in.By)
	if errors.Is(err, tokens.ErrNameTaken) {
		return result, &Error{Code: TokenExists, Args: Args{Text: in.Name}}
	}
	if err == nil {
		result.Secret = secret
	}
	return result, err
}

// validTokenName reports whether a text can name a token or an application.
func validTokenName(name string) bool {
	return name != "" && len(name) <= maxTokenName && strings.TrimSpace(name) == name &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// bind returns how far something reaches that a caller within these bounds makes: to what was
// asked for, or else as far as the caller.
func bind(ctx context.Context, store *db.Store, within access.Reach, tenantID, provider string) (access.Reach, error) {
	reach := within
	tenant, err := tenantOf(tenantID)
	if err != nil {
		return reach, err
	}
	if tenant != nil {
		reach.TenantID = *tenant
	}
	if provider != "" {
		p, err := findWithin(ctx, store, within, provider)
		if err != nil {
			return reach, err
		}
		reach.ProviderID = p.ID
		if tenant != nil && (p.TenantID == nil || *p.TenantID != *tenant) {
			return reach, errTooWide
		}
	}
	if !within.Includes(reach) || within.ProviderID != "" && reach.TenantID != within.TenantID {
		return reach, errTooWide
	}
	return reach, nil
}

// ListTokens returns tokens behind one (zero: from the first on) by name, as far as a caller
// reaches.
func (s *Service) ListTokens(ctx context.Context, within access.Reach, after Token, limit int) ([]Token, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return store.Tokens.List(ctx, within.TenantID, within.ProviderID, after, limit)
}

// RevokeToken ends a token at once, by its id or, of one that is not revoked, its name.
func (s *Service) RevokeToken(ctx context.Context, within access.Reach, idOrName string, by By) (Token, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return Token{}, err
	}
	find := store.Tokens.FindByName
	if _, err := uuid.Parse(idOrName); err == nil {
		find = store.Tokens.Get
	}
	token, err := find(ctx, idOrName)
	if err == nil && !within.Includes(access.Reach{TenantID: token.TenantID, ProviderID: token.ProviderID}) {
		err = db.ErrNotFound
	}
	if err == nil {
		err = store.Tokens.Revoke(ctx, token.ID, by)
	}
	if errors.Is(err, db.ErrNotFound) {
		return Token{}, &Error{Code: TokenUnknown, Args: Args{Text: idOrName}}
	}
	return token, err
}

// Authenticate returns the caller that a token stands for.
func (s *Service) Authenticate(ctx context.Context, token string) (access.Caller, error) {
	hash, ok := access.HashToken(token)
	if !ok {
		return access.Caller{}, errTokenRefused
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return access.Caller{}, err
	}
	found, err := store.Tokens.Use(ctx, hash)
	if errors.Is(err, db.ErrNotFound) {
		return access.Caller{}, errTokenRefused
	}
	return access.Caller{
		Name: directory.Actor("token " + found.Name), Role: access.Role(found.Role),
		Reach: access.Reach{TenantID: found.TenantID, ProviderID: found.ProviderID},
	}, err
}
