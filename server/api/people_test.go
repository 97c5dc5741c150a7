package api_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGroupsAndWhoBelongsToThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reader := w.as("reader")
	groups, _ := w.get(reader, "/api/v1/groups?provider=acme").items()
	require.Len(t, groups, 1)
	require.Equal(t, []any{w.acme["group"], "tag", "Drivers", "acme", 2.0}, []any{
		groups[0]["id"], groups[0]["kind"], groups[0]["name"], groups[0]["provider"], groups[0]["member_count"]})
	all, next := w.get(reader, "/api/v1/groups?limit=1").items()
	require.Len(t, all, 1)
	rest, next := w.get(reader, "/api/v1/groups?limit=1&after="+next).items()
	require.Empty(t, next)
	require.NotEqual(t, all[0]["id"], rest[0]["id"])

	members, _ := w.get(reader, "/api/v1/groups/"+w.acme["group"]+"/members").items()
	require.Len(t, members, 2)
	require.Equal(t, []any{"ann", true, "bob", false}, []any{
		members[0]["external_id"], members[0]["is_direct"], members[1]["external_id"], members[1]["is_direct"]})
	found, _ := w.get(reader, "/api/v1/members?q=ann&group="+w.acme["group"]).items()
	require.Len(t, found, 1)
	w.get(reader, "/api/v1/members?group="+w.acme["child"]).problem(http.StatusNotFound, "group_unknown")
	w.get(reader, "/api/v1/groups/"+w.acme["child"]+"/members").problem(http.StatusNotFound, "group_unknown")

	administrators, _ := w.get(reader, "/api/v1/administrators?provider=acme").items()
	require.Len(t, administrators, 2)
	require.Equal(t, []any{"local", "admin", "provider", "main"}, []any{administrators[0]["source"],
		administrators[0]["level"], administrators[1]["source"], administrators[1]["level"]})
	table := w.get(reader, "/api/v1/administrators?provider=acme", "Accept", "text/csv").body
	require.Contains(t, table, "provider_id,provider,member_id")
}

func TestEverythingKnownOfAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`UPDATE org_members SET manager_id = $2, offline_at = now() WHERE id = $1`, w.acme["ann"], w.acme["bob"])
	var account string
	require.NoError(t, w.pool.QueryRow(t.Context(), `INSERT INTO users (tenant_id, display_name) VALUES ($1, 'Ann')
		RETURNING id`, tenant1).Scan(&account))
	w.exec(`UPDATE org_members SET user_id = $2 WHERE id = $1`, w.acme["ann"], account)
	var ann map[string]any
	w.get(w.as("reader"), "/api/v1/members/"+w.acme["ann"]).decode(&ann)
	require.Equal(t, w.acme["child"], ann["departments"].([]any)[0].(map[string]any)["department_id"])
	require.Equal(t, w.acme["group"], ann["groups"].([]any)[0].(map[string]any)["group_id"])
	require.Equal(t, w.acme["bob"], ann["manager"].(map[string]any)["member_id"])
	require.Equal(t, map[string]any{"id": account, "display_name": "Ann"}, ann["account"])
	require.NotNil(t, ann["offline_at"])
	require.Nil(t, ann["signature"])
}

func TestASignatureIsSetAndCleared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, path := w.as("admin"), "/api/v1/members/"+w.acme["ann"]
	for _, wrong := range []string{`{"url":"javascript:alert(1)"}`, `{"url":"ftp://example.com/a"}`, `{"url":""}`, `{}`,
		`{"url":"https://example.com/a","colour":"red"}`} {
		w.send(admin, http.MethodPut, path+"/signature", wrong).problem(http.StatusUnprocessableEntity, "input_invalid")
	}
	var set map[string]any
	w.send(admin, http.MethodPut, path+"/signature", `{"url":"https://example.com/a.png"}`).decode(&set)
	require.Equal(t, "https://example.com/a.png", set["url"])
	var ann map[string]any
	w.get(admin, path).decode(&ann)
	require.Equal(t, "https://example.com/a.png", ann["signature"].(map[string]any)["url"])
	require.Equal(t, http.StatusNoContent, w.send(admin, http.MethodDelete, path+"/signature", "").status)
	require.Equal(t, http.StatusNoContent, w.send(admin, http.MethodDelete, path+"/signature", "").status)
	entries, _ := w.get(admin, "/api/v1/audit?limit=2").items()
	require.Equal(t, []any{"signature.clear", "signature.set"}, []any{entries[0]["action"], entries[1]["action"]})
	require.Equal(t, []any{"member/" + w.acme["ann"], w.acme["provider"], tenant1, "127.0.0.1"}, []any{
		entries[1]["object"], entries[1]["provider_id"], entries[1]["tenant_id"], entries[1]["address"]})
}

func TestConflictsOfAccountsAreDecided(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, path := w.as("admin"), "/api/v1/accounts/conflicts"
	open, _ := w.get(admin, path+"?provider=acme&decided=false").items()
	require.Len(t, open, 1)
	require.Equal(t, []any{w.acme["bob"], "several_accounts", nil},
		[]any{open[0]["member_id"], open[0]["reason"], open[0]["decision"]})
	var account, foreign string
	for tenant, id := range map[string]*string{tenant1: &account, tenant2: &foreign} {
		require.NoError(t, w.pool.QueryRow(t.Context(), `INSERT INTO users (tenant_id, display_name) VALUES ($1, 'Bob')
			RETURNING id`, tenant).Scan(id))
	}
	one := path + "/" + w.acme["bob"]
	w.send(admin, http.MethodPut, one, `{"decision":"link"}`).problem(http.StatusUnprocessableEntity, "input_invalid")
	w.send(admin, http.MethodPut, one, `{"decision":"ignore","user_id":"`+account+`"}`).problem(
		http.StatusUnprocessableEntity, "input_invalid")
	unknown := w.send(admin, http.MethodPut, one, `{"decision":"link","user_id":"`+foreign+`"}`,
		"Accept-Language", "zh").problem(http.StatusConflict, "not_possible")
	require.Contains(t, unknown.Detail, "该租户没有这个账号")
	var decided map[string]any
	w.send(admin, http.MethodPut, one, `{"decision":"ignore"}`).decode(&decided)
	w.send(admin, http.MethodPut, one, `{"decision":"link","user_id":"`+account+`"}`).decode(&decided)
	require.Equal(t, []any{"link", account}, []any{decided["decision"], decided["user_id"]})
	w.get(admin, one).decode(&decided)
	require.Contains(t, decided["decided_by"], "token ")
	open, _ = w.get(admin, path+"?provider=acme&decided=false").items()
	require.Empty(t, open)
	waiting, _ := w.get(admin, path+"?provider=acme&decided=true").items()
	require.Len(t, waiting, 1)
	w.get(admin, path+"/"+w.acme["ann"]).problem(http.StatusNotFound, "conflict_unknown")
	entries, _ := w.get(admin, "/api/v1/audit?limit=1").items()
	require.Equal(t, []any{"account.decide", "member/" + w.acme["bob"]},
		[]any{entries[0]["action"], entries[0]["object"]})
	require.Equal(t, "ignore", entries[0]["before"].(map[string]any)["decision"])
	require.Equal(t, account, entries[0]["after"].(map[string]any)["user_id"])
}

func TestRulesAreSetAndRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, path := w.as("admin"), "/api/v1/providers/acme/rules"
	var rules map[string]any
	w.get(admin, path).decode(&rules)
	require.Equal(t, []any{0.0, "", nil}, []any{rules["version"], rules["document"], rules["set_at"]})
	wrong := w.send(admin, http.MethodPut, path, `{"document":"scope: { members: 'nobody.knows' }"}`)
	require.Contains(t, wrong.problem(http.StatusUnprocessableEntity, "rules_invalid").Detail, "nobody")
	w.send(admin, http.MethodPut, path, `{"document":"accounts: { policy: none }"}`).decode(&rules)
	require.Equal(t, 1.0, rules["version"])
	w.get(admin, path).decode(&rules)
	require.Equal(t, "accounts: { policy: none }", rules["document"])
	require.Equal(t, http.StatusNoContent, w.send(admin, http.MethodDelete, path, "").status)
	w.send(admin, http.MethodDelete, path, "").problem(http.StatusNotFound, "rules_none")
	entries, _ := w.get(admin, "/api/v1/audit?limit=2").items()
	require.Equal(t, []any{"rules.remove", "rules.set"}, []any{entries[0]["action"], entries[1]["action"]})
}

func TestPeopleAreFoundInEveryWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reader := w.as("reader")
	w.exec(`UPDATE org_members SET name = '欧阳小明', name_translit_full = 'ouyangxiaoming', name_translit_initial = 'oyxm',
		email = 'Xiaoming@acme.cn', phone = '+8613800138765', employee_no = 'E-0042', external_id = 'OY-7'
		WHERE id = $1`, w.acme["ann"])
	for _, text := range []string{
		"oy-7", "OY-7", "欧阳", "欧阳小明", "阳小", "小明", "明", "ouyang", "OUYANG", "oyx", "xiaoming@", "XIAOMING@acme.cn",
		"13800138765", "1380013", "+86138", "138 0013 8765", "8765", "e-00", " 欧阳 ",
	} {
		found, _ := w.get(reader, "/api/v1/members?provider=acme&q="+url.QueryEscape(text)).items()
		require.Len(t, found, 1, text)
		require.Equal(t, w.acme["ann"], found[0]["id"], text)
	}
	for _, text := range []string{"阳明", "yang", "865", "%", "_", "\\", "'", "oy-", "*"} {
		found, _ := w.get(reader, "/api/v1/members?provider=acme&q="+url.QueryEscape(text)).items()
		require.Empty(t, found, text)
	}
	// The best way comes first, and nobody is found twice.
	w.exec(`INSERT INTO org_members (provider_id, external_id, name, name_translit_full, email) VALUES
		($1, 'x', 'lee', 'lee', 'lee@acme.cn'), ($1, 'lee', 'other', 'other', NULL), ($1, 'y', 'ann lee', 'annlee', NULL),
		($1, 'z', 'z', 'leeway', NULL)`, w.acme["provider"])
	var ids []any
	for next := ""; ; {
		var page []map[string]any
		page, next = w.get(reader, "/api/v1/members?provider=acme&limit=1&q=lee"+next).items()
		for _, item := range page {
			ids = append(ids, item["external_id"])
		}
		if next == "" {
			break
		}
		next = "&after=" + next
	}
	require.Equal(t, []any{"lee", "x", "z", "y"}, ids)
}
