package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/console"
)

func TestCrossSitePostsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(service.CreateSignInLinkInput{Role: "admin"})
	for pattern := range console.Routes() {
		method, path := fill(pattern, "acme", func(string) string { return w.acme["run"] })
		if method != http.MethodPost {
			continue
		}
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			got := b.post(path, url.Values{}, name, value)
			require.Equal(t, http.StatusForbidden, got.status, "%s %s", pattern, name)
			require.Contains(t, got.body, "another site", pattern)
		}
	}
	require.Equal(t, http.StatusOK, b.get("/providers/acme").status, "nothing was done")
}

func TestNamesDoNoHarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(service.CreateSignInLinkInput{Role: "admin"})
	for _, path := range []string{
		"/", "/runs/" + w.acme["run"], "/people", "/people/" + w.acme["ann"], "/departments/" + w.acme["department"],
		"/directory/acme", "/people?q=" + url.QueryEscape(hostile), "/runs?provider=acme",
		"/runs/" + w.acme["run"] + "?q=" + url.QueryEscape(hostile), "/settings/audit",
		"/groups", "/groups/" + w.acme["group"], "/administrators", "/changes", "/events", "/webhooks",
		"/departments/" + w.acme["department"] + "/children", "/providers/acme/rules", "/accounts",
		"/sign-in/link?code=" + url.QueryEscape(hostile),
	} {
		got := b.get(path)
		require.Less(t, got.status, http.StatusBadRequest, "%s: %s", path, got.body)
		require.NotContains(t, got.body, "<script>alert", path)
		require.NotContains(t, got.body, `"'&`, path)
	}
	require.Contains(t, b.get("/people").body, "&lt;script&gt;alert")

	w.exec(`UPDATE org_members SET name = '=HYPERLINK("https://evil.example")' WHERE id = $1`, w.acme["bob"])
	table := b.get("/runs/" + w.acme["run"] + "/removals.csv").body
	require.Contains(t, table, `'=HYPERLINK`)
	require.NotContains(t, table, `,=HYPERLINK`)
}

func TestForeignReturnAddressesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	for _, to := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "evil", "", "/\t/evil",
		"javascript:alert(1)", "/\r\nSet-Cookie: a=b"} {
		got := b.post("/language", url.Values{"to": {"zh"}, "return_to": {to}})
		require.Equal(t, http.StatusSeeOther, got.status)
		require.Equal(t, "/", got.header.Get("Location"), "%q", to)
	}
	got := b.post("/language", url.Values{"to": {"zh"}, "return_to": {"/people?q=a&status=active"}})
	require.Equal(t, "/people?q=a&status=active", got.header.Get("Location"))
	require.Contains(t, b.get("/sign-in").body, `lang="zh-CN"`, "the choice is kept")
	require.Contains(t, b.get("/sign-in", "Accept-Language", "en").body, `lang="zh-CN"`)
	require.Contains(t, w.browser().get("/sign-in", "Accept-Language", "zh-CN,en;q=0.5").body, `lang="zh-CN"`)
}

func TestALinkThatIsLookedAtIsNotUsedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link, err := w.service.CreateSignInLink(t.Context(), service.CreateSignInLinkInput{
		Role: "reader", By: service.By{Name: "root@host"},
	})
	require.NoError(t, err)
	b := w.browser()
	for range 2 {
		require.Equal(t, http.StatusOK, b.get("/sign-in/link?code="+link.Code).status)
	}
	form := url.Values{"code": {link.Code}}
	require.Equal(t, http.StatusSeeOther, b.post("/sign-in/link", form).status)
	require.Equal(t, http.StatusForbidden, w.browser().post("/sign-in/link", form).status)
	require.Equal(t, http.StatusOK, b.get("/").status)
	require.NotContains(t, b.get("/").body, "/settings", "what a reader may not see is not linked")
	b.post("/sign-out", url.Values{})
	require.Equal(t, http.StatusSeeOther, b.get("/").status)
}

func TestADecisionIsForTheListThatWasShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(service.CreateSignInLinkInput{Role: "operator"})
	page := b.get("/runs/" + w.acme["run"]).body
	_, rest, _ := strings.Cut(page, `name="list" value="`)
	tag, _, _ := strings.Cut(rest, `"`)
	require.NotEmpty(t, tag)
	w.exec(`INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id) VALUES ($1, 'member', $2, $2)`,
		w.acme["run"], w.acme["ann"])
	form := url.Values{"decision": {"approve"}, "list": {tag}, "note": {"kept " + hostile}}
	got := b.post("/runs/"+w.acme["run"]+"/decision", form)
	require.Equal(t, http.StatusConflict, got.status)
	require.Contains(t, got.body, "nothing was decided")
	require.Contains(t, got.body, "kept &lt;script", "the note is not lost")
	form.Del("decision")
	require.Equal(t, http.StatusUnprocessableEntity, b.post("/runs/"+w.acme["run"]+"/decision", form).status)
}
