package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
)

// configs are what a provider of each type needs, with an address for each setting that is one.
var configs = map[string]string{
	"feishu":   `{"app_id":"cli_x","app_secret":"s","base_url":"URL","accounts_url":"URL"}`,
	"dingtalk": `{"app_key":"dx","app_secret":"s","base_url":"URL","api_base_url":"URL"}`,
	"wecom":    `{"corp_id":"wwx","secret":"s","base_url":"URL"}`,
}

// ask has the server call a provider in every way that a caller can bring about, and returns what
// the caller is told.
func (w *world) ask(name, kind, address string) (told string) {
	w.t.Helper()
	admin := w.as("admin")
	made := w.send(admin, http.MethodPost, "/api/v1/providers", `{"name":"`+name+`","provider_type":"`+kind+
		`","config":`+strings.ReplaceAll(configs[kind], "URL", address)+`}`)
	require.Equal(w.t, http.StatusCreated, made.status, made.body)
	for _, call := range []struct{ method, path, body string }{
		{http.MethodPost, "/providers/" + name + "/test", ""},
		{http.MethodGet, "/providers/" + name + "/preview", ""},
		{http.MethodPost, "/logins/" + name, `{"code":"x","flow":"web"}`},
		{http.MethodPost, "/logins/" + name, `{"code":"x","flow":"in_app"}`},
	} {
		got := w.send(admin, call.method, "/api/v1"+call.path, call.body)
		require.NotEqual(w.t, http.StatusInternalServerError, got.status, got.body)
		told += got.body
	}
	return told
}

const inner = "inner-credentials"

// An address that answers in a provider's place leads nobody elsewhere, and what a service answers
// that is no provider is not told.
func TestProvidersAddressesLeadNowhereElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var reached atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		if strings.HasPrefix(r.URL.Path, "/json") {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(rw, `{"secret":%q,"data":[%q]}`, inner, inner)
			return
		}
		_, _ = rw.Write([]byte(inner))
	}))
	t.Cleanup(inside.Close)
	for kind := range configs {
		for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
			leads := httptest.NewServer(http.RedirectHandler(inside.URL, status))
			t.Cleanup(leads.Close)
			told := w.ask(fmt.Sprintf("%s-%d", kind, status), kind, leads.URL)
			require.Zero(t, reached.Load(), "%s followed %d", kind, status)
			require.NotContains(t, told, inner)
		}
	}
	for kind := range configs {
		for name, path := range map[string]string{"text": "", "json": "/json"} {
			require.NotContains(t, w.ask(kind+"-"+name, kind, inside.URL+path), inner, kind)
		}
		require.Positive(t, reached.Swap(0))
	}
}

// Where a cloud hands out its credentials no provider answers.
func TestProvidersAreNotLinkLocal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for kind := range configs {
		for name, address := range map[string]string{
			"four": "http://169.254.169.254", "six": "http://[fe80::1]", "mapped": "http://[::ffff:169.254.169.254]",
		} {
			told := w.ask(kind+"-"+name, kind, address)
			require.Contains(t, told, "no address where a provider answers", "%s at %s", kind, address)
		}
	}
}

// Whatever people are called, answers have the headers that they should.
func TestNamesMakeNoHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hostile := "a\r\nX-Injected: 1\r\n\r\n<script>\"; filename=x.exe"
	for _, table := range []string{"org_members", "org_departments", "org_groups"} {
		w.exec(`UPDATE `+table+` SET name = $1`, hostile)
	}
	w.exec(`UPDATE org_members SET external_id = $1 WHERE id = $2`, "b\r\nX-Injected: 2", w.acme["bob"])
	admin := w.as("admin")
	ids := map[string]string{"runs": w.acme["run"], "departments": w.acme["child"], "members": w.acme["bob"],
		"groups": w.acme["group"]}
	for name, op := range documented(t) {
		method, path, _ := strings.Cut(name, " ")
		if method != http.MethodGet || op.ID == "follow-run" {
			continue
		}
		for _, accept := range []string{"application/json", "text/csv"} {
			got := w.get(admin, fill(path, "acme", func(noun string) string { return ids[noun] }), "Accept", accept)
			require.NotEqual(t, http.StatusInternalServerError, got.status, "%s: %s", op.ID, got.body)
			for header, values := range got.header {
				require.NotContains(t, header+strings.Join(values, ""), "Injected", op.ID)
				require.NotContains(t, strings.Join(values, ""), "x.exe", op.ID)
			}
		}
	}
	got := w.send(admin, http.MethodPost, "/api/v1/providers",
		`{"name":"a\r\nX-Injected: 1","provider_type":"wecom","config":{"corp_id":"ww1","secret":"s"}}`)
	require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
}

// Where an installation is shared, a caller who is bound to a tenant or a provider may set the vendor's own
// addresses alone. What an administrator of the installation has set stays.
func TestTenantsDoNotChooseAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bound := w.token(service.CreateTokenInput{Name: "bound", Role: "admin", TenantID: tenant1}).Secret
	const inside = "http://10.0.0.7:8080"
	create := func(token, kind, key, address string) reply {
		config := strings.ReplaceAll(configs[kind], "URL", address)
		if key != "" {
			config = `{"app_id":"cli_x","app_secret":"s","` + key + `":"` + address + `"}`
		}
		return w.send(token, http.MethodPost, "/api/v1/providers", `{"name":"p`+uuid.NewString()[:8]+
			`","provider_type":"`+kind+`","config":`+config+`}`)
	}
	for kind := range configs {
		require.Equal(t, http.StatusCreated, create(bound, kind, "", inside).status, "unless it is shared")
	}
	w.ownAddresses.Store(true)
	for kind := range configs {
		refused := create(bound, kind, "", inside).problem(http.StatusForbidden, "address_forbidden")
		require.Contains(t, refused.Detail, "_url")
		require.Equal(t, http.StatusCreated, create(w.as("admin"), kind, "", inside).status)
	}
	for _, address := range []string{
		"https://open.feishu.cn", "https://open.larksuite.com", "https://open.larksuite.com/",
	} {
		require.Equal(t, http.StatusCreated, create(bound, "feishu", "base_url", address).status, address)
	}
	for _, address := range []string{
		"http://open.feishu.cn", "https://open.feishu.cn.example.com", "https://open.feishu.cn/x", "https://127.0.0.1",
	} {
		create(bound, "feishu", "base_url", address).problem(http.StatusForbidden, "address_forbidden")
	}

	patch := func(token, config string) reply {
		tag := w.get(token, "/api/v1/providers/acme").header.Get("ETag")
		return w.send(token, http.MethodPatch, "/api/v1/providers/acme", `{"config":`+config+`}`, "If-Match", tag)
	}
	patch(bound, `{"base_url":"`+inside+`"}`).problem(http.StatusForbidden, "address_forbidden")
	require.Equal(t, http.StatusOK, patch(w.as("admin"), `{"base_url":"`+inside+`"}`).status)
	require.Equal(t, http.StatusOK, patch(bound, `{"base_url":"`+inside+`","agent_id":"1000002"}`).status, "it stays")
	patch(bound, `{"base_url":"`+inside+`/x"}`).problem(http.StatusForbidden, "address_forbidden")
	require.Equal(t, http.StatusOK, patch(bound, `{"base_url":""}`).status, "and may go")
}
