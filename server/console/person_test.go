package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
)

// A person's link to an account is taken away where the person is shown, by an administrator.
func TestAnAdministratorTakesALinkAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const account = "7b2c0000-0000-4000-8000-000000000002"
	w.exec(`INSERT INTO identities (id, email) VALUES ($1, 'ann@example.com')`, account)
	w.exec(`INSERT INTO users (id, tenant_id, identity_id, display_name) VALUES ($1, $2, $1, 'Ann')`, account, tenant1)
	w.exec(`UPDATE org_members SET user_id = $1 WHERE id = $2`, account, w.acme["ann"])
	admin, operator := w.as(service.CreateSignInLinkInput{Role: "admin"}), w.as(service.CreateSignInLinkInput{
		Role: "operator"})
	const button = `value="unlink"`
	require.Contains(t, admin.get("/people/"+w.acme["ann"]).body, button)
	require.NotContains(t, operator.get("/people/"+w.acme["ann"]).body, button)
	require.NotContains(t, admin.get("/people/"+w.acme["bob"]).body, button, "there is no account")
	got := admin.post("/accounts/"+w.acme["ann"], url.Values{"decision": {"unlink"}})
	require.Equal(t, http.StatusSeeOther, got.status, got.body)
	var decision string
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT decision FROM account_conflicts WHERE member_id = $1`,
		w.acme["ann"]).Scan(&decision))
	require.Equal(t, "unlink", decision)
	require.Equal(t, "/people/"+w.acme["ann"], got.header.Get("Location"))
	page := admin.get("/people/" + w.acme["ann"]).body
	require.Contains(t, page, "next run takes this link away")
	require.NotContains(t, page, button)
}

// Whoever decides about an account sees whose it is, but not whose another tenant's is, and no
// account of several is chosen before they choose.
func TestAccountsInQuestionHaveNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const ours, theirs = "7b2c0000-0000-4000-8000-000000000002", "7b2c0000-0000-4000-8000-000000000003"
	for user, of := range map[string]struct{ tenant, name string }{
		ours: {tenant1, "Ann of the platform"}, theirs: {tenant2, "Ann of another tenant"},
	} {
		w.exec(`INSERT INTO identities (id) VALUES ($1)`, user)
		w.exec(`INSERT INTO users (id, tenant_id, identity_id, display_name) VALUES ($1, $2, $1, $3)`, user, of.tenant,
			of.name)
	}
	w.exec(`INSERT INTO account_conflicts (provider_id, member_id, reason, candidates)
		SELECT provider_id, id, 'several_accounts', ARRAY[$2, $3]::uuid[] FROM org_members WHERE id = $1`,
		w.acme["ann"], ours, theirs)
	page := w.as(service.CreateSignInLinkInput{Role: "admin"}).get("/accounts").body
	require.Contains(t, page, "Ann of the platform")
	require.NotContains(t, page, "Ann of another tenant")
	require.Contains(t, page, theirs)
	require.NotContains(t, page, " checked")
}

// A provider of a suite says how its installation stands, and why no link can be made.
func TestHowASuiteIsInstalledIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.service.AddProvider(t.Context(), service.AddProviderInput{
		Name: "suite", Type: "wecom", Suite: true,
		Config: []byte(`{"sub_type":"third_party","suite_id":"ww1","suite_secret":"s","suite_token_secret":"t",
			"suite_aes_secret":"` + strings.Repeat("a", 43) + `"}`),
	})
	require.NoError(t, err)
	admin, operator := w.as(service.CreateSignInLinkInput{Role: "admin"}), w.as(service.CreateSignInLinkInput{
		Role: "operator"})
	const make = `action="/providers/suite/installation"`
	page := admin.get("/providers/suite").body
	require.Contains(t, page, "none has installed it yet")
	require.Contains(t, page, make)
	require.NotContains(t, operator.get("/providers/suite").body, make)
	require.NotContains(t, admin.get("/providers/acme").body, "Installation of the suite")
	got := admin.post("/providers/suite/installation", nil)
	require.Equal(t, http.StatusConflict, got.status, got.body)
	require.Contains(t, got.body, "ORGSYNC_PUBLIC_URL")
}
