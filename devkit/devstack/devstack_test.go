package devstack_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/devkit/devstack"
	"github.com/orgsync/orgsync/devkit/devstack/devstacktest"
	"github.com/orgsync/orgsync/devkit/procgroup"
)

func TestMain(m *testing.M) {
	devstacktest.Play()
	os.Exit(m.Run())
}

func setting(t *testing.T, stack *devstack.Stack, name string) string {
	t.Helper()
	for _, setting := range stack.Settings() {
		if setting.Name == name {
			return setting.Value
		}
	}
	t.Fatalf("no setting %s", name)
	return ""
}

func requireHealthy(t *testing.T, stack *devstack.Stack) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), setting(t, stack, "DATABASE_URL"))
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	response, err := http.Get(setting(t, stack, "ORGSYNC_UI_URL"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	keyset, err := os.Stat(setting(t, stack, "ORGSYNC_KEYSET"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), keyset.Mode().Perm())
	config, err := os.ReadFile(filepath.Join(filepath.Dir(setting(t, stack, "ORGSYNC_KEYSET")), "wecom.json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"base_url":"`+setting(t, stack, "ORGSYNC_SIM_WECOM_BASE_URL")+`"}`, string(config))
	for _, child := range stack.Children() {
		require.Contains(t, procgroup.CommandLine(t.Context(), child.PID), child.Marker)
		require.FileExists(t, child.Log)
	}
}

func requireGone(t *testing.T, children []devstack.Child) {
	t.Helper()
	for _, child := range children {
		require.Empty(t, procgroup.CommandLine(t.Context(), child.PID), child.Name)
	}
}

func TestTwoStacksAtOnceAndARestartOfOne(t *testing.T) {
	t.Parallel()
	bin := devstacktest.Programs(t)
	dirs := []string{filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")}
	stacks := make([]*devstack.Stack, len(dirs))
	var group errgroup.Group
	for i, dir := range dirs {
		group.Go(func() (err error) {
			stacks[i], err = devstack.Start(t.Context(), devstack.Config{Dir: dir, Bin: bin, Progress: io.Discard})
			return err
		})
	}
	require.NoError(t, group.Wait())
	for _, stack := range stacks {
		requireHealthy(t, stack)
	}
	for _, name := range []string{"DATABASE_URL", "TEMPORAL_ADDRESS", "ORGSYNC_UI_URL", "ORGSYNC_KEYSET", "ORGSYNC_SIM_CONTROL_URL"} {
		require.NotEqual(t, setting(t, stacks[0], name), setting(t, stacks[1], name))
	}

	first := stacks[0].Settings()
	children := stacks[0].Children()
	require.NoError(t, stacks[0].Stop())
	requireGone(t, children)
	requireHealthy(t, stacks[1])
	again, err := devstack.Start(t.Context(), devstack.Config{Dir: dirs[0], Bin: bin, Progress: io.Discard})
	require.NoError(t, err)
	require.Equal(t, first, again.Settings(), "the same ports, password and key set as before")

	for i, stack := range []*devstack.Stack{again, stacks[1]} {
		children := stack.Children()
		require.NoError(t, stack.Stop())
		requireGone(t, children)
		require.NoError(t, devstack.Remove(dirs[i]))
		require.NoDirExists(t, dirs[i])
	}
}

func TestTemporalHasItsNamespace(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "temporal")
	for range 2 { // the second time on a file that has them already
		server, err := devstack.StartTemporal(t.Context(), dir, devstack.Ports{}, io.Discard)
		require.NoError(t, err)
		c, err := server.Dial(t.Context())
		require.NoError(t, err)
		namespace, err := c.WorkflowService().DescribeNamespace(t.Context(),
			&workflowservice.DescribeNamespaceRequest{Namespace: devstack.Namespace})
		require.NoError(t, err)
		require.Equal(t, 168.0, namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration().Hours())
		c.Close()
		require.NoError(t, server.Stop())
	}
}

func TestAWorkerThatCannotStartIsReportedAndNothingIsLeft(t *testing.T) {
	t.Parallel()
	bin := devstacktest.Programs(t)
	require.NoError(t, os.Remove(filepath.Join(bin, "orgsync-worker")))
	script := "#!/bin/sh\necho \"ORGSYNC_KEYSET is wrong\" >&2\nexit 2\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "orgsync-worker"), []byte(script), 0o755))
	dir := filepath.Join(t.TempDir(), "stack")
	_, err := devstack.Start(t.Context(), devstack.Config{Dir: dir, Bin: bin, Progress: io.Discard})
	require.ErrorContains(t, err, "worker ended while starting: exit status 2")
	require.ErrorContains(t, err, "ORGSYNC_KEYSET is wrong")
	require.NoError(t, devstack.Remove(dir), "Postgres has given its directory up")
}

func TestPortsFromEnv(t *testing.T) {
	t.Parallel()
	env := map[string]string{"ORGSYNC_PG_PORT": "5001", "ORGSYNC_SIM_PORT": "6000"}
	ports, err := devstack.PortsFromEnv(func(name string) string { return env[name] })
	require.NoError(t, err)
	require.Equal(t, devstack.Ports{Postgres: 5001, Feishu: 6000, DingTalk: 6001, WeCom: 6002, Control: 6003}, ports)
	env["ORGSYNC_UI_PORT"] = "eighty"
	_, err = devstack.PortsFromEnv(func(name string) string { return env[name] })
	require.ErrorContains(t, err, `ORGSYNC_UI_PORT is "eighty"`)
}

func TestProgramsAreFoundFirst(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "it's `here`")
	out, err := exec.Command("sh", "-c", `PATH=/usr/bin:/bin; `+devstack.ExportPath(dir)+`printf %s "$PATH"`).Output()
	require.NoError(t, err)
	require.Equal(t, dir+":/usr/bin:/bin", string(out))
}

func TestExportsSurviveTheShell(t *testing.T) {
	t.Parallel()
	text := devstack.Exports([]devstack.Setting{{Name: "ODD", Value: "it's $HOME `x` \"y\""}})
	out, err := exec.Command("sh", "-c", text+`printf %s "$ODD"`).Output()
	require.NoError(t, err)
	require.Equal(t, "it's $HOME `x` \"y\"", string(out))
}
