package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// Token is a token of the API: all but the token itself.
type Token struct {
	ID         string     `json:"id" format:"uuid"`
	Name       string     `json:"name"`
	Role       string     `json:"role" enum:"admin,operator,reader,app"`
	TenantID   *string    `json:"tenant_id" doc:"The tenant that it is bound to, if any."`
	Provider   *string    `json:"provider" doc:"The provider that it is bound to, by its name, if any."`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"Exact to the minute."`
	RevokedAt  *time.Time `json:"revoked_at"`
	State      string     `json:"state" enum:"active,expired,revoked"`
}

func tokenOf(t service.Token) Token {
	return Token{
		ID: t.ID, Name: t.Name, Role: t.Role, TenantID: unlessEmpty(t.TenantID), Provider: unlessEmpty(t.Provider),
		CreatedAt: t.CreatedAt, CreatedBy: t.CreatedBy,
		ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt, RevokedAt: t.RevokedAt, State: t.State(time.Now()),
	}
}

// TokenCreate is a token to be made.
type TokenCreate struct {
	Name      string `json:"name" minLength:"1" maxLength:"100"`
	Role      string `json:"role" enum:"admin,operator,reader,app"`
	TenantID  string `json:"tenant_id,omitempty" format:"uuid" doc:"Bind it to a tenant."`
	Provider  string `json:"provider,omitempty" minLength:"1" maxLength:"100" doc:"Bind it to a provider, by its name."`
	ExpiresIn *int64 `json:"expires_in,omitempty" minimum:"1" doc:"Seconds until it ends; left out: never."`
}

// TokenCreated is a token that was made.
type TokenCreated struct {
	Token
	Secret string `json:"token" doc:"What is sent as Authorization: Bearer. It is told here and nowhere else."`
}

// AuditEntry is one thing that was done.
type AuditEntry struct {
	ID         int64           `json:"id"`
	Time       time.Time       `json:"time"`
	Actor      string          `json:"actor"`
	Action     string          `json:"action" example:"provider.update"`
	Object     string          `json:"object" example:"provider/acme"`
	TenantID   *string         `json:"tenant_id"`
	ProviderID *string         `json:"provider_id"`
	Before     json.RawMessage `json:"before"`
	After      json.RawMessage `json:"after"`
	Address    *string         `json:"address" doc:"Where it was done from; null on the command line."`
}

type listTokensInput struct{ Paged }

type createTokenInput struct{ Body TokenCreate }

type createdToken struct{ Body TokenCreated }

type ofToken struct {
	ID string `path:"id" format:"uuid" doc:"The token's id."`
}

func (a *API) registerAccess() {
	const tag = "Access"
	registerList(a, operation{id: "list-tokens", method: http.MethodGet, path: "/tokens", tag: tag,
		summary: "List tokens; none is shown"},
		func(ctx context.Context, _ *listTokensInput, page service.Page) (List[Token], string, error) {
			rows, err := a.view(ctx).ListTokens(ctx, page)
			return listOf(rows, tokenOf), "", err
		})
	register(a, operation{
		id: "create-token", method: http.MethodPost, path: "/tokens", tag: tag,
		summary: "Make a token, which is told once",
		status:  http.StatusCreated, errors: conflicting,
	}, a.createToken)
	register(a, operation{id: "revoke-token", method: http.MethodDelete, path: "/tokens/{id}", tag: tag,
		summary: "End a token at once", errors: notFound},
		func(ctx context.Context, in *ofToken) (*struct{}, error) {
			_, err := a.service.RevokeToken(ctx, callerOf(ctx).Reach, in.ID, by(ctx))
			return nil, err
		})
	registerList(a, operation{id: "list-audit", method: http.MethodGet, path: "/audit", tag: tag,
		summary: "List what administrators changed, the latest first"},
		func(ctx context.Context, _ *listTokensInput, page service.Page) (List[AuditEntry], string, error) {
			rows, err := a.view(ctx).ListAudit(ctx, page)
			return listOf(rows, func(e service.AuditEntry) AuditEntry {
				return AuditEntry{
					ID: e.ID, Time: e.Time, Actor: e.Name, Action: e.Action, Object: e.Object,
					TenantID: unlessEmpty(e.TenantID), ProviderID: unlessEmpty(e.ProviderID),
					Before: e.Before, After: e.After, Address: unlessEmpty(e.Address),
				}
			}), "", err
		})
}

func (a *API) createToken(ctx context.Context, in *createTokenInput) (*createdToken, error) {
	b := in.Body
	wanted := service.CreateTokenInput{
		Name: b.Name, Role: b.Role, TenantID: b.TenantID, Provider: b.Provider, Within: callerOf(ctx).Reach,
		By: by(ctx),
	}
	if b.ExpiresIn != nil {
		d := time.Duration(*b.ExpiresIn) * time.Second
		wanted.ExpiresIn = &d
	}
	made, err := a.service.CreateToken(ctx, wanted)
	return &createdToken{TokenCreated{Token: tokenOf(made.Token), Secret: made.Secret}}, err
}

// unlessEmpty is a value, or null where there is none.
func unlessEmpty[T comparable](value T) *T {
	var none T
	if value == none {
		return nil
	}
	return &value
}
