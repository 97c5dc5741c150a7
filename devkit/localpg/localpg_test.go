package localpg_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orgsync/orgsync/devkit/localpg"
	"github.com/orgsync/orgsync/devkit/procgroup"
)

const childDir = "LOCALPG_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		// Plays the parent that gets killed: starts a server and waits.
		server, err := localpg.Start(context.Background(), localpg.Config{Dir: dir})
		if err != nil {
			os.Exit(1)
		}
		fmt.Println("ready")
		<-server.Done()
		return
	}
	goleak.VerifyTestMain(m)
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn := connect(t, url)
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
}

func count(t *testing.T, url string) (n int) {
	t.Helper()
	require.NoError(t, connect(t, url).QueryRow(t.Context(), "select count(*) from kept").Scan(&n))
	return n
}

func start(t *testing.T, cfg localpg.Config) *localpg.Server {
	t.Helper()
	server, err := localpg.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, server.Stop())
		if cfg.Dir != "" {
			require.NoError(t, localpg.Remove(cfg.Dir))
		}
	})
	return server
}

func TestDataPortAndPasswordSurviveStopAndStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pg")
	first, err := localpg.Start(t.Context(), localpg.Config{Dir: dir})
	require.NoError(t, err)
	execute(t, first.URL("postgres"), "create table kept (n int)", "insert into kept values (1)")
	require.NoError(t, first.Stop())
	require.NoError(t, first.Stop(), "stopping twice is harmless")
	require.Empty(t, procgroup.CommandLine(t.Context(), first.Pid()))

	second := start(t, localpg.Config{Dir: dir})
	require.Equal(t, first.URL("postgres"), second.URL("postgres"))
	require.Equal(t, 1, count(t, second.URL("postgres")))
}

func TestCommittedRowsSurviveACrash(t *testing.T) {
	t.Parallel()
	server := start(t, localpg.Config{Dir: filepath.Join(t.TempDir(), "pg")})
	execute(t, server.URL("postgres"), "create table kept (n int)", "insert into kept values (1), (2)")
	require.NoError(t, server.Crash())
	require.NoError(t, server.Restart(t.Context()))
	require.Equal(t, 2, count(t, server.URL("postgres")))
}

func TestStalePidFileOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pg")
	server := start(t, localpg.Config{Dir: dir})
	execute(t, server.URL("postgres"), "create table kept (n int)")
	home := filepath.Dir(server.LogFile())
	require.NoError(t, server.Stop())

	// After a crash the number in the file can belong to anybody by now: here to a program run by the server's account.
	stranger := exec.Command("sleep", "600")
	require.NoError(t, stranger.Start())
	t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
	stale := strconv.Itoa(stranger.Process.Pid) + "\n" + filepath.Join(home, "data") + "\n1\n1\n\n127.0.0.1\n1 1\nready\n"
	require.NoError(t, os.WriteFile(filepath.Join(home, "data", "postmaster.pid"), []byte(stale), 0o600))

	again := start(t, localpg.Config{Dir: dir})
	require.Equal(t, 0, count(t, again.URL("postgres")))
	require.Contains(t, procgroup.CommandLine(t.Context(), stranger.Process.Pid), "sleep", "the stranger was left alone")
}

func TestAKilledOwnerLeavesNoServerAndNoObstacle(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pg")
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), childDir+"="+dir)
	out, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	t.Cleanup(func() { _ = owner.Process.Kill(); _ = owner.Wait() })
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	_, err = localpg.Start(t.Context(), localpg.Config{Dir: dir})
	require.ErrorContains(t, err, "belongs to another process")

	require.NoError(t, owner.Process.Kill())
	_ = owner.Wait()
	server := start(t, localpg.Config{Dir: dir})
	execute(t, server.URL("postgres"), "select 1")
}

func TestTemporaryServersLeaveNoFiles(t *testing.T) {
	t.Parallel()
	server, err := localpg.Start(t.Context(), localpg.Config{Temporary: true})
	require.NoError(t, err)
	execute(t, server.URL("postgres"), "create table kept (n int)", "insert into kept values (1)")
	home := filepath.Dir(server.LogFile())
	require.DirExists(t, home)
	require.NoError(t, server.Crash())
	require.DirExists(t, home, "a crash is not the end: it can be restarted")
	require.NoError(t, server.Restart(t.Context()))
	require.NoError(t, server.Stop())
	require.NoDirExists(t, home)
}

func TestAFixedPortThatIsTakenIsAnError(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	_, err = localpg.Start(t.Context(), localpg.Config{Temporary: true, Port: taken.Addr().(*net.TCPAddr).Port})
	require.ErrorContains(t, err, "port is taken")
}

func TestOnlyThePasswordOpens(t *testing.T) {
	t.Parallel()
	server := start(t, localpg.Config{Temporary: true})
	config, err := pgx.ParseConfig(server.URL("postgres"))
	require.NoError(t, err)
	config.Password = "wrong"
	_, err = pgx.ConnectConfig(t.Context(), config)
	require.ErrorContains(t, err, "password")
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := localpg.Start(ctx, localpg.Config{Temporary: true})
	require.Error(t, err)
}
