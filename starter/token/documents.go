package token

import (
	"cmp"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// What these commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// View is a token as the command line shows it: never the token itself.
type View struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Role       string     `json:"role"`
	TenantID   string     `json:"tenant_id,omitempty"`
	Provider   string     `json:"provider,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by,omitempty"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
	// State is active, expired or revoked.
	State string `json:"state"`
}

// Created is a token that was made.
type Created struct {
	View
	// Token is what the API wants. It cannot be shown again.
	Token string `json:"token"`
}

// Revoked is a token that was revoked.
type Revoked struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func viewOf(t service.Token) View {
	return View{
		ID: t.ID, Name: t.Name, Role: t.Role, TenantID: t.TenantID, Provider: t.Provider, CreatedAt: t.CreatedAt,
		CreatedBy: t.CreatedBy,
		ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt, RevokedAt: t.RevokedAt, State: t.State(time.Now()),
	}
}

// bounds is what a token is bound to, for people.
func (v View) bounds() string {
	var parts []string
	if v.TenantID != "" {
		parts = append(parts, "tenant "+v.TenantID)
	}
	if v.Provider != "" {
		parts = append(parts, "provider "+v.Provider)
	}
	return cmp.Or(strings.Join(parts, ", "), "-")
}

func day(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}
