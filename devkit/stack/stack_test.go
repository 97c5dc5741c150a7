package stack_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/devkit/stack/stacktest"
)

func settings(s *stack.Stack) map[string]string {
	all := map[string]string{}
	for _, setting := range s.Settings() {
		all[setting.Name] = setting.Value
	}
	return all
}

func requireHealthy(t *testing.T, s *stack.Stack) {
	t.Helper()
	all := settings(s)
	conn, err := pgx.Connect(t.Context(), all["DATABASE_URL"])
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	response, err := http.Get(all["ORGSYNC_UI_URL"])
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	keyset, err := os.Stat(all["ORGSYNC_KEYSET"])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), keyset.Mode().Perm())
	config, err := os.ReadFile(filepath.Join(filepath.Dir(all["ORGSYNC_KEYSET"]), "wecom.json"))
	require.NoError(t, err)
	require.Contains(t, string(config), `"base_url": "`+s.Simulated.Providers["wecom"]["base_url"]+`"`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, all["ORGSYNC_SERVER_URL"]+"/api/v1/tokens",
		nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+all["ORGSYNC_TOKEN"])
	response, err = http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode, "it is an administrator's")
	require.Empty(t, s.Ended())
	for _, child := range s.Children() {
		require.FileExists(t, child.Log)
	}
}

func requireGone(t *testing.T, children []*stack.Child) {
	t.Helper()
	require.Len(t, children, 5)
	for _, child := range children {
		require.ErrorIs(t, syscall.Kill(child.Pid(), 0), syscall.ESRCH, child.Name)
	}
}

func TestTwoStacksAtOnceAndARestartOfOne(t *testing.T) {
	t.Parallel()
	bin := stacktest.Programs(t)
	dirs := []string{filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")}
	stacks := make([]*stack.Stack, len(dirs))
	var group errgroup.Group
	for i, dir := range dirs {
		group.Go(func() (err error) {
			stacks[i], err = stack.Start(t.Context(),
				stack.Config{Dir: dir, Bin: bin, Progress: io.Discard, Server: true})
			return err
		})
	}
	require.NoError(t, group.Wait())
	for _, s := range stacks {
		requireHealthy(t, s)
	}
	first, second := settings(stacks[0]), settings(stacks[1])
	for _, name := range []string{"DATABASE_URL", "TEMPORAL_ADDRESS", "ORGSYNC_UI_URL", "ORGSYNC_KEYSET",
		"ORGSYNC_SIM_CONTROL_URL", "ORGSYNC_SERVER_URL", "ORGSYNC_TOKEN"} {
		require.NotEqual(t, first[name], second[name])
	}
	require.NoError(t, stacks[0].AddProvider(t.Context(), "acme", "feishu"))

	children := stacks[0].Children()
	require.NoError(t, stacks[0].Stop())
	requireGone(t, children)
	requireHealthy(t, stacks[1])
	again, err := stack.Start(t.Context(), stack.Config{Dir: dirs[0], Bin: bin, Progress: io.Discard, Server: true})
	require.NoError(t, err)
	require.Equal(t, first, settings(again), "the same ports, password, key set and credentials as before")
	_, err = again.Orgsync(t.Context(), nil, "provider", "show", "acme")
	require.NoError(t, err, "the data is kept")

	for i, s := range []*stack.Stack{again, stacks[1]} {
		children := s.Children()
		require.NoError(t, s.Stop())
		requireGone(t, children)
		require.NoError(t, stack.Remove(dirs[i]))
		require.NoDirExists(t, dirs[i])
	}
}

func TestTemporalHasItsNamespace(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "temporal")
	for range 2 { // the second time on a file that has them already
		server, err := stack.StartTemporal(t.Context(), dir, stack.Ports{}, io.Discard)
		require.NoError(t, err)
		c, err := server.Dial(t.Context())
		require.NoError(t, err)
		namespace, err := c.WorkflowService().DescribeNamespace(t.Context(),
			&workflowservice.DescribeNamespaceRequest{Namespace: stack.Namespace})
		require.NoError(t, err)
		require.Equal(t, 168.0, namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration().Hours())
		c.Close()
		require.NoError(t, server.Stop())
	}
}

func TestAWorkerThatCannotStartIsReportedAndNothingIsLeft(t *testing.T) {
	t.Parallel()
	bin, built := t.TempDir(), stacktest.Programs(t)
	for _, name := range []string{"simulator", "orgsync"} {
		require.NoError(t, os.Symlink(filepath.Join(built, name), filepath.Join(bin, name)))
	}
	script := "#!/bin/sh\necho \"panic: ORGSYNC_KEYSET is wrong\" >&2\n" +
		"seq --format 'frame %.0f of the stack' 100\nexit 2\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "orgsync-worker"), []byte(script), 0o755))
	dir := filepath.Join(t.TempDir(), "stack")
	_, err := stack.Start(t.Context(), stack.Config{Dir: dir, Bin: bin, Progress: io.Discard})
	require.ErrorContains(t, err, "worker ended while starting: exit status 2")
	require.ErrorContains(t, err, "ORGSYNC_KEYSET is wrong")
	require.NoError(t, stack.Await(t.Context(), dir))
	require.NoError(t, stack.Remove(dir))
}

func TestPortsFromEnv(t *testing.T) {
	t.Parallel()
	env := map[string]string{"ORGSYNC_PG_PORT": "5001", "ORGSYNC_SIM_PORT": "6000"}
	ports, err := stack.PortsFromEnv(func(name string) string { return env[name] })
	require.NoError(t, err)
	require.Equal(t, stack.Ports{"postgres": 5001, "feishu": 6000, "dingtalk": 6001, "wecom": 6002, "control": 6003},
		ports)
	env["ORGSYNC_UI_PORT"] = "eighty"
	_, err = stack.PortsFromEnv(func(name string) string { return env[name] })
	require.ErrorContains(t, err, `ORGSYNC_UI_PORT is "eighty"`)
}

func TestExportsSurviveTheShell(t *testing.T) {
	t.Parallel()
	text := stack.Exports([]stack.Setting{{Name: "ODD", Value: "it's $HOME `x` \"y\""}}, "/it's `here`", "/second")
	out, err := exec.Command("/bin/sh", "-c", "PATH=/usr/bin; "+text+`printf %s "$ODD $PATH"`).Output()
	require.NoError(t, err)
	require.Equal(t, "it's $HOME `x` \"y\" /it's `here`:/second:/usr/bin", string(out))
}

func TestToolRefusesWhatIsNotPinned(t *testing.T) {
	t.Parallel()
	_, err := stack.Tool(t.Context(), "curl", io.Discard)
	require.ErrorContains(t, err, "no such tool: curl; there are sqlc, staticcheck, templ, temporal, workflowcheck")
}
