package db_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/db/tokens"
	"github.com/orgsync/orgsync/internal/directory"
)

// operatorStore is a store with the rights of the command line and the server.
func operatorStore(t *testing.T) (store *db.Store, url string) {
	t.Helper()
	url = dbtest.New(t)
	store, err := db.Open(t.Context(), dbtest.As(t, "orgsync_operator", url))
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store, url
}

func TestTokensEnd(t *testing.T) {
	t.Parallel()
	store, url := operatorStore(t)
	admin := connect(t, url)
	provider, err := store.Providers.Add(t.Context(),
		providers.NewProvider{Name: "acme", Type: directory.Feishu, Config: []byte("{}")}, sealing())
	require.NoError(t, err)
	hashes := map[string][]byte{}
	add := func(name string, token tokens.Token) tokens.Token {
		hashes[name] = fmt.Appendf(nil, "%-32s", fmt.Sprint(name, len(hashes)))
		token.Name, token.Role = name, "reader"
		added, err := store.Tokens.Add(t.Context(), token, hashes[name], audit.By{Name: "ann@host"})
		require.NoError(t, err)
		return added
	}
	soon := time.Now().Add(time.Hour)
	expiring, revoked, bound := add("expiring", tokens.Token{ExpiresAt: &soon}), add("revoked",
		tokens.Token{}), add("bound", tokens.Token{ProviderID: provider})
	require.Equal(t, "acme", bound.Provider)
	require.Equal(t, "active", expiring.State(time.Now()))
	for name := range hashes {
		used, err := store.Tokens.Use(t.Context(), hashes[name])
		require.NoError(t, err)
		require.Equal(t, name, used.Name)
	}
	require.NoError(t, store.Tokens.Revoke(t.Context(), revoked.ID, audit.By{}))
	require.ErrorIs(t, store.Tokens.Revoke(t.Context(), revoked.ID, audit.By{}), tokens.ErrNotFound)
	_, err = admin.Exec(t.Context(), "UPDATE api_tokens SET expires_at = now() WHERE id = $1", expiring.ID)
	require.NoError(t, err)
	_, err = store.Providers.Remove(t.Context(), provider, audit.By{})
	require.NoError(t, err)
	for name, hash := range hashes {
		_, err := store.Tokens.Use(t.Context(), hash)
		require.ErrorIs(t, err, tokens.ErrNotFound, name)
	}
	left, err := store.Tokens.List(t.Context(), "", "", tokens.Token{}, 10)
	require.NoError(t, err)
	require.Len(t, left, 2, "a token of a provider goes with it")
	require.Equal(t, "expired", left[0].State(time.Now()))
	require.Equal(t, "revoked", left[1].State(time.Now()))
	add("revoked", tokens.Token{}) // the name can be used again
	_, err = store.Tokens.Add(t.Context(), tokens.Token{Name: "revoked", Role: "reader"},
		[]byte(strings.Repeat("x", 32)), audit.By{})
	require.ErrorIs(t, err, tokens.ErrNameTaken)
}

func TestUsingATokenWritesAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	store, url := operatorStore(t)
	admin := connect(t, url)
	hash := []byte(strings.Repeat("h", 32))
	_, err := store.Tokens.Add(t.Context(), tokens.Token{Name: "a", Role: "reader"}, hash, audit.By{})
	require.NoError(t, err)
	version := func() (xmin string) {
		_, err := store.Tokens.Use(t.Context(), hash)
		require.NoError(t, err)
		require.NoError(t, admin.QueryRow(t.Context(),
			"SELECT xmin::text FROM api_tokens WHERE last_used_at IS NOT NULL").Scan(&xmin))
		return xmin
	}
	first := version()
	require.Equal(t, first, version())
	_, err = admin.Exec(t.Context(), "UPDATE api_tokens SET last_used_at = now() - interval '61 seconds'")
	require.NoError(t, err)
	require.NotEqual(t, first, version())
}

func TestChangesOfProvidersAreLogged(t *testing.T) {
	t.Parallel()
	store, url := operatorStore(t)
	ann := audit.By{Name: "ann@host", Address: "192.0.2.1"}
	tenant, off := "11111111-1111-1111-1111-111111111111", false
	id, err := store.Providers.Add(t.Context(), providers.NewProvider{
		Name: "acme", Type: directory.WeCom, TenantID: &tenant, Config: []byte(`{"corp_id":"c"}`), By: ann,
	}, sealing("secret", "s3cr3t", "sync_secret", "0ther"))
	require.NoError(t, err)
	p, err := store.Providers.FindByName(t.Context(), "acme")
	require.NoError(t, err)
	change := providers.Change{Active: &off, By: ann, IfChangedAt: &p.UpdatedAt}
	require.NoError(t, store.Providers.Update(t.Context(), id, change,
		sealing("secret", "n3w", "sync_secret", "0ther")))
	require.ErrorIs(t, store.Providers.Update(t.Context(), id, change, nil), providers.ErrChanged)
	for _, rules := range []providers.NewRules{{Document: "scope: {}", By: ann}, {Document: "scope: {}", By: ann},
		{By: ann}, {Document: "draft", Draft: true}} {
		_, err = store.Providers.SetRules(t.Context(), id, rules)
		require.NoError(t, err)
	}
	_, err = store.Providers.Remove(t.Context(), id, ann)
	require.NoError(t, err)

	entries, err := store.Audit.List(t.Context(), tenant, id, 0, 10)
	require.NoError(t, err)
	require.Len(t, entries, 5, "what was refused or changed nothing is not there")
	var actions []string
	for _, e := range entries {
		actions = append(actions, e.Action)
		require.Equal(t, ann, e.By)
		require.Equal(t, "provider/acme", e.Object)
		for _, secret := range []string{"s3cr3t", "0ther", "n3w"} {
			require.NotContains(t, string(e.Before)+string(e.After), secret)
		}
	}
	require.Equal(t, []string{"provider.remove", "rules.remove", "rules.set", "provider.update", "provider.create"},
		actions)
	require.JSONEq(t, `{"version": 1, "document": "scope: {}"}`, string(entries[2].After))
	require.Nil(t, entries[0].After)
	require.Nil(t, entries[4].Before)
	var before, after map[string]any
	require.NoError(t, json.Unmarshal(entries[3].Before, &before))
	require.NoError(t, json.Unmarshal(entries[3].After, &after))
	require.Equal(t, []any{true, false}, []any{before["is_active"], after["is_active"]})
	require.Equal(t, map[string]any{"corp_id": "c", "secret": "***", "sync_secret": "***"}, before["config"])
	require.Equal(t, map[string]any{"corp_id": "c", "secret": "*** (changed)", "sync_secret": "***"}, after["config"])

	none, err := store.Audit.List(t.Context(), "22222222-2222-2222-2222-222222222222", "", 0, 10)
	require.NoError(t, err)
	require.Empty(t, none)
	older, err := store.Audit.List(t.Context(), "", "", entries[3].ID, 10)
	require.NoError(t, err)
	require.Len(t, older, 1)

	// The log can be added to and read, and nothing else.
	operator := connect(t, dbtest.As(t, "orgsync_operator", url))
	for _, statement := range []string{"DELETE FROM audit_log", "UPDATE audit_log SET actor = 'bob'",
		"DELETE FROM api_tokens", "UPDATE api_tokens SET role = 'admin'"} {
		_, err := operator.Exec(t.Context(), statement)
		require.ErrorContains(t, err, "permission denied", statement)
	}
	for _, role := range []string{"orgsync_worker", "orgsync_reader"} {
		_, err := connect(t, dbtest.As(t, role, url)).Exec(t.Context(), "SELECT FROM api_tokens")
		require.ErrorContains(t, err, "permission denied", role)
	}
}
