package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/service"
)

// changeAndPublish has what statements change logged as a run of a company and publishes it.
func (w *world) changeAndPublish(of map[string]string, statements ...string) {
	w.t.Helper()
	var run string
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(), `INSERT INTO sync_runs
		(provider_id, generation, workflow_id, temporal_run_id, status)
		SELECT $1, max(generation) + 1, 'x', gen_random_uuid(), 'succeeded' FROM sync_runs RETURNING id`,
		of["provider"]).Scan(&run))
	tx, err := w.pool.Begin(w.t.Context())
	require.NoError(w.t, err)
	_, err = tx.Exec(w.t.Context(), "SELECT set_config('orgsync.run_id', $1, true)", run)
	require.NoError(w.t, err)
	for _, statement := range statements {
		_, err := tx.Exec(w.t.Context(), strings.ReplaceAll(statement, "PROVIDER", "'"+of["provider"]+"'"))
		require.NoError(w.t, err, statement)
	}
	require.NoError(w.t, tx.Commit(w.t.Context()))
	w.publish(map[string]string{"run": run, "provider": of["provider"], "name": of["name"]})
}

// The consumers of the documentation rebuild the directory from events alone, although each is
// killed time and again.
func TestConsumersOfTheDocumentation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.as("reader")
	binary := filepath.Join(t.TempDir(), "follow")
	out, err := exec.Command("go", "build", "-o", binary, "../../docs/consumers/follow").CombinedOutput()
	require.NoError(t, err, string(out))
	consumers := map[string][]string{"go": {binary}}
	if python, err := exec.LookPath("python3"); err == nil {
		consumers["python"] = []string{python, "../../docs/consumers/follow/follow.py"}
	}
	follow := func(name string) (kill func()) {
		ctx, cancel := context.WithCancel(t.Context())
		args := append(consumers[name][1:], w.url, token, filepath.Join(filepath.Dir(binary), name))
		command := exec.CommandContext(ctx, consumers[name][0], args...) // killed with SIGKILL
		command.Stderr = t.Output()
		require.NoError(t, command.Start())
		return func() { cancel(); _ = command.Wait() }
	}
	places := `INSERT INTO org_member_departments (member_id, department_id, is_leader, sort_order)
		SELECT m.id, d.id, true, 7 FROM org_members m, org_departments d WHERE m.provider_id = PROVIDER
		AND d.provider_id = PROVIDER AND d.external_id LIKE 'd%' AND m.external_id LIKE 'm%'`
	for round := range 5 {
		kills := []func(){}
		for name := range consumers {
			kills = append(kills, follow(name))
		}
		w.changeAndPublish(w.acme,
			fmt.Sprintf(`INSERT INTO org_departments (provider_id, external_id, name)
				VALUES (PROVIDER, 'd%d', 'D')`, round),
			fmt.Sprintf(`INSERT INTO org_members (provider_id, external_id, name)
				SELECT PROVIDER, 'm%d-' || n, 'M' FROM generate_series(1, 30) n`, round),
			`DELETE FROM org_member_departments md USING org_members m
				WHERE m.id = member_id AND m.provider_id = PROVIDER`,
			places+fmt.Sprintf(" AND m.external_id LIKE 'm%d%%'", round),
			fmt.Sprintf(`INSERT INTO org_groups (provider_id, external_id, kind) VALUES (PROVIDER, 'g%d', 'tag')`, round),
			`INSERT INTO org_group_members (group_id, member_id) SELECT g.id, m.id FROM org_groups g, org_members m
				WHERE g.provider_id = PROVIDER AND m.provider_id = PROVIDER AND g.external_id LIKE 'g%'
				AND m.external_id LIKE 'm%' ON CONFLICT DO NOTHING`)
		w.changeAndPublish(w.acme,
			`UPDATE org_members SET title = 't' || external_id, status = 'deleted'
				WHERE provider_id = PROVIDER AND random() < 0.3`,
			`DELETE FROM org_group_members gm USING org_members m WHERE m.id = member_id AND m.status = 'deleted'
				AND m.provider_id = PROVIDER`)
		for _, kill := range kills {
			kill()
		}
	}
	for name := range consumers {
		defer follow(name)()
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			var cursor string
			var rows map[string]map[string]any
			text, err := os.ReadFile(filepath.Join(filepath.Dir(binary), name))
			if assert.NoError(c, err) && assert.NoError(c, json.Unmarshal(text, &[]any{&cursor, &rows})) {
				assert.Equal(c, w.stored(), told(rows), name)
			}
		}, 20*time.Second, 100*time.Millisecond)
	}
}

// stored are the rows that the feed has told, in the columns that matter.
func (w *world) stored() []string {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `
		SELECT 'member ' || m.id || ' ' || m.name || ' ' || m.status || ' ' || coalesce(m.title, '') FROM org_members m
			WHERE m.external_id LIKE 'm%-%'
		UNION ALL SELECT 'department ' || d.id || ' ' || d.name FROM org_departments d WHERE d.external_id LIKE 'd%'
		UNION ALL SELECT 'group ' || g.id FROM org_groups g WHERE g.external_id LIKE 'g%'
		UNION ALL SELECT 'membership ' || md.member_id || ' ' || md.department_id || ' ' || md.is_leader || ' ' || md.sort_order
			FROM org_member_departments md WHERE md.is_leader
		UNION ALL SELECT 'group_membership ' || gm.member_id || ' ' || gm.group_id FROM org_group_members gm
			JOIN org_members m ON m.id = gm.member_id JOIN org_groups g ON g.id = gm.group_id
			WHERE m.external_id LIKE 'm%-%' AND g.external_id LIKE 'g%'`)
	require.NoError(w.t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	slices.Sort(all)
	return all
}

// told are the same rows as a consumer has them.
func told(rows map[string]map[string]any) (all []string) {
	for key, o := range rows {
		text := func(columns ...string) string {
			parts := []string{strings.Fields(key)[0]}
			for _, column := range columns {
				value := o[column]
				if value == nil {
					value = ""
				}
				parts = append(parts, fmt.Sprint(value))
			}
			return strings.Join(parts, " ")
		}
		switch external := fmt.Sprint(o["external_id"]); strings.Fields(key)[0] {
		case "member":
			if strings.HasPrefix(external, "m") {
				all = append(all, text("id", "name", "status", "title"))
			}
		case "department":
			all = append(all, text("id", "name"))
		case "group":
			all = append(all, text("id"))
		case "membership":
			all = append(all, text("member_id", "department_id")+" "+fmt.Sprint(o["is_leader"], o["sort_order"]))
		case "group_membership":
			of := rows["member "+fmt.Sprint(o["member_id"])]
			if strings.HasPrefix(fmt.Sprint(of["external_id"]), "m") {
				all = append(all, text("member_id", "group_id"))
			}
		}
	}
	slices.Sort(all)
	return all
}

// What the documentation shows of verifying deliveries takes signed messages and refuses others.
func TestReceiversOfTheDocumentation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	binary := filepath.Join(t.TempDir(), "receive")
	out, err := exec.Command("go", "build", "-o", binary, "../../docs/consumers/receive").CombinedOutput()
	require.NoError(t, err, string(out))
	for name, command := range map[string]func(host, port string) []string{
		"go": func(host, port string) []string { return []string{binary, host + ":" + port} },
		"python": func(host, port string) []string {
			return []string{"python3", "../../docs/consumers/receive/receive.py", host, port}
		},
	} {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := free.Addr().String()
		host, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		hook, err := w.service.AddWebhook(t.Context(), service.AddWebhookInput{URL: "http://" + address + "/"})
		require.NoError(t, err)
		require.NoError(t, free.Close())
		args := command(host, port)
		if _, err := exec.LookPath(args[0]); err != nil {
			continue
		}
		receiver := exec.CommandContext(t.Context(), args[0], args[1:]...)
		receiver.Env = append(os.Environ(), "SECRET="+hook.Secret)
		require.NoError(t, receiver.Start())
		test := func() service.TestWebhookResult {
			tested, err := w.service.TestWebhook(t.Context(), access.Reach{}, hook.ID)
			require.NoError(t, err)
			return tested
		}
		require.Eventually(t, func() bool { return test().HTTPStatus == http.StatusNoContent }, 20*time.Second,
			20*time.Millisecond, name)
		forged, err := http.Post("http://"+address+"/", "application/json", strings.NewReader(`{"type":"webhook.test"}`))
		require.NoError(t, err)
		require.NoError(t, forged.Body.Close())
		require.Equal(t, http.StatusForbidden, forged.StatusCode, name)
	}
}
