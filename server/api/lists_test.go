package api_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
)

// Whatever is added between two pages, what was there all the time is listed once.
func TestPagesWhileRowsAreAdded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.as("admin")
	for n := range 9 {
		w.exec(`INSERT INTO org_members (provider_id, external_id, name) VALUES ($1, $2, $2)`, w.acme["provider"],
			fmt.Sprint("old-", n%3, n))
		w.exec(`INSERT INTO sync_runs (provider_id, generation, workflow_id, temporal_run_id, status, started_at)
			VALUES ($1, $2, 'old', gen_random_uuid(), 'succeeded', now() - interval
			'1 hour')`, w.acme["provider"], 10+n)
		w.exec(`INSERT INTO org_departments (provider_id, external_id, parent_id, name, sort_order)
			VALUES ($1, $2, $3, 'same', $4)`,
			w.acme["provider"], fmt.Sprint("old-", n), w.acme["department"], []any{int64(1), nil, int64(-7)}[n%3])
		w.exec(`INSERT INTO org_member_departments (member_id, department_id)
			SELECT id, $1 FROM org_members WHERE external_id = $2`, w.acme["department"], fmt.Sprint("old-", n%3, n))
	}
	for path, is := range map[string]struct{ key, value string }{
		"/members?provider=acme&limit=2":                             {"external_id", "old-"},
		"/members?q=old&limit=2":                                     {"external_id", "old-"},
		"/departments/" + w.acme["department"] + "/members?limit=2":  {"external_id", "old-"},
		"/departments/" + w.acme["department"] + "/children?limit=2": {"external_id", "old-"},
		"/runs?provider=acme&limit=2":                                {"workflow_id", "old"},
	} {
		seen, after := map[any]int{}, ""
		for page := 0; page == 0 || after != ""; page++ {
			require.Less(t, page, 40, path)
			if after != "" {
				after = "&after=" + after
			}
			items, next := w.get(admin, "/api/v1"+path+after).items()
			require.LessOrEqual(t, len(items), 2)
			for _, item := range items {
				if strings.HasPrefix(item[is.key].(string), is.value) {
					seen[item["id"]]++
				}
			}
			after = next
			if page < 6 {
				w.exec(`INSERT INTO org_members (provider_id, external_id, name)
					VALUES ($1, gen_random_uuid()::text, 'new old')`,
					w.acme["provider"])
				w.exec(`INSERT INTO org_member_departments (member_id, department_id)
					SELECT id, $1 FROM org_members WHERE name = 'new old' ON CONFLICT DO NOTHING`, w.acme["department"])
				w.exec(`INSERT INTO org_departments (provider_id, external_id, parent_id, name, sort_order)
					VALUES ($1, gen_random_uuid()::text, $2, 'new', (random() * 10 - 5)::bigint)`,
					w.acme["provider"], w.acme["department"])
				w.exec(`INSERT INTO sync_runs (provider_id, generation, workflow_id, temporal_run_id, status)
					SELECT $1, max(generation) + 1, 'new', gen_random_uuid(), 'succeeded'
					FROM sync_runs`, w.acme["provider"])
			}
		}
		require.Len(t, seen, 9, path)
		for id, times := range seen {
			require.Equal(t, 1, times, "%s: %s", path, id)
		}
	}
	w.get(admin, "/api/v1/members?after=bm9uc2Vuc2U").problem(http.StatusUnprocessableEntity, "cursor_invalid")
	w.get(admin, "/api/v1/members?limit=201").problem(http.StatusUnprocessableEntity, "input_invalid")
	w.get(admin, "/api/v1/members?limits=2").problem(http.StatusUnprocessableEntity, "input_invalid")
}

// A parameter without a value is never taken for one that was left out.
func TestEmptyParametersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.as("admin")
	for _, parameter := range []string{
		"/members?provider=", "/members?department=", "/members?group=", "/members?status=", "/members?q=",
		"/members?updated_since=", "/members?limit=", "/members?after=", "/runs?provider=", "/changes?types=",
		"/changes?after=", "/audit?after", "/members?status=active&provider=",
	} {
		answer := w.get(admin, "/api/v1"+parameter)
		answer.problem(http.StatusUnprocessableEntity, "input_invalid")
		require.Contains(t, answer.body, "is empty", parameter)
	}
}

func TestFiltersOfMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reader := w.as("reader")
	w.exec(`UPDATE org_members SET status = 'deleted', synced_at = '2020-01-01'
		WHERE external_id = 'bob' AND provider_id = $1`, w.acme["provider"])
	w.exec(`UPDATE org_members SET name = '100%_单', name_translit_full = 'shan', employee_no = 'E-7' WHERE id = $1`,
		w.acme["ann"])
	for query, want := range map[string]int{
		"": 3, "provider=acme": 1, "status=deleted": 1, "status=inactive": 0, "q=bob": 1, "q=BOB%40example": 1,
		"q=100%25": 1,
		"q=_":      0, "q=shan": 1,
		"q=%E5%8D%95": 1, "q=e-7": 1, "q=nobody": 0, "updated_since=2021-01-01T00:00:00Z": 3,
		"status=deleted&updated_since=2021-01-01T00:00:00Z": 0,
		"department=" + w.acme["child"]:                     1, "department=" + w.acme["department"]: 0,
		"department=" + w.acme["child"] + "&status=deleted": 1,
	} {
		items, _ := w.get(reader, "/api/v1/members?"+query).items()
		require.Len(t, items, want, query)
	}
	w.exec(`INSERT INTO org_members (id, provider_id, external_id, name)
		VALUES (gen_random_uuid(), $1, 'j', 'joann'), ('00000000-0000-0000-0000-000000000001', $1, 'k', 'hann')`,
		w.acme["provider"])
	hits, _ := w.get(reader, "/api/v1/members?q=ann").items()
	require.Len(t, hits, 4)
	require.Equal(t, []any{"ann", "ann"}, []any{hits[0]["external_id"], hits[1]["external_id"]},
		"exact hits come first")
}

// A spreadsheet that opens a list must not compute what people call themselves.
func TestTablesHoldNoFormulas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := []string{`=HYPERLINK("http://evil")`, "+1+1", "-1+1", "@SUM(1)", "\tx", "\r=1", "张, \"三\"", "plain=1"}
	for i, name := range names {
		w.exec(`INSERT INTO org_members (provider_id, external_id, name, phone, attributes)
			VALUES ($1, $2, $3, '+8613800138000', '{"city": "=1"}')`,
			w.acme["provider"], fmt.Sprint("f", i), name)
	}
	w.exec(`INSERT INTO org_members (provider_id, external_id, name)
		SELECT $1, 'many-' || n, 'x' FROM generate_series(1, 1100) n`, w.acme["provider"])
	got := w.get(w.as("reader"), "/api/v1/members?provider=acme", "Accept", "text/csv")
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "text/csv; charset=utf-8", got.header.Get("Content-Type"))
	text, marked := strings.CutPrefix(got.body, "\ufeff")
	require.True(t, marked, "spreadsheets take it for another encoding otherwise")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+2+len(names)+1100, "the whole list")
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	found := map[string]bool{}
	for _, row := range rows[1:] {
		found[row[column["name"]]] = true
		for i, cell := range row {
			require.False(t, cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])), "%s: %q", rows[0][i], cell)
		}
	}
	for _, name := range names[:6] {
		require.True(t, found["'"+name] || found["'"+strings.ReplaceAll(name, "\r", "\n")], name)
	}
	require.True(t, found[names[6]] && found[names[7]], "what is no formula stays as it is")
	require.Len(t, strings.Split(strings.TrimSpace(w.get(w.as("reader"), "/api/v1/members?limit=1", "Accept",
		"text/csv").body), "\n"), 2)
	w.get(w.as("reader"), "/api/v1/members?provider=nobody", "Accept", "text/csv").problem(http.StatusNotFound,
		"provider_unknown")
}

func TestRawRecordsAreForAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{
		"/runs/" + w.acme["run"] + "/changes", "/members/" + w.acme["ann"], "/members/" + w.acme["ann"] + "/history",
		"/departments/" + w.acme["child"],
	} {
		require.Contains(t, w.get(w.as("admin"), "/api/v1"+path).body, "raw_data", path)
		for _, role := range []string{"operator", "reader"} {
			require.NotContains(t, w.get(w.as(role), "/api/v1"+path).body, "raw", "%s %s", role, path)
		}
	}
	history, _ := w.get(w.as("reader"), "/api/v1/members/"+w.acme["ann"]+"/history").items()
	require.Len(t, history, 1)
	require.Equal(t, map[string]any{"title": "b"}, history[0]["after"])
	require.Equal(t, w.acme["run"], history[0]["run_id"])
}

func TestWhatIsOnRecordOfARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator, run := w.as("operator"), "/api/v1/runs/"+w.acme["run"]
	var shown map[string]any
	w.get(operator, run).decode(&shown)
	require.Equal(t, []any{"held", "too many", "acme"}, []any{shown["status"], shown["hold_reason"], shown["provider"]})
	for path, want := range map[string]string{"/changes": "ann", "/departments": "1", "/removals": "bob",
		"/errors": "carl"} {
		items, next := w.get(operator, run+path).items()
		require.Len(t, items, 1, path)
		require.Equal(t, want, items[0]["external_id"], path)
		require.Empty(t, next)
	}
	for query, want := range map[string]int{"?kind=updated,created": 1, "?kind=created": 0, "?type=member": 1,
		"?type=department": 0} {
		items, _ := w.get(operator, run+"/changes"+query).items()
		require.Len(t, items, want, query)
	}
	w.get(operator, run+"/changes?kind=vanished").problem(http.StatusUnprocessableEntity, "change_filter_invalid")
	for _, id := range []string{"x", w.acme["run"][:8], "{" + w.acme["run"] + "}"} {
		require.Contains(t, []int{404, 422}, w.get(operator, "/api/v1/runs/"+id).status, id)
	}
}

func TestHistoryOfWhoChangedWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.token(service.CreateTokenInput{Name: "boss", Role: "admin"}).Secret
	tag := w.get(admin, "/api/v1/providers/acme").header.Get("ETag")
	w.send(admin, http.MethodPatch, "/api/v1/providers/acme", `{"is_active":false}`, "If-Match", tag).decode(new(any))
	entries, _ := w.get(admin, "/api/v1/audit?limit=1").items()
	require.Equal(t, []any{"token boss", "provider.update", "provider/acme", "127.0.0.1"},
		[]any{entries[0]["actor"], entries[0]["action"], entries[0]["object"], entries[0]["address"]})
	require.Equal(t, false, entries[0]["after"].(map[string]any)["is_active"])
}
