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
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orgsync/orgsync/devkit/stack/localpg"
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

func execute(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
}

const (
	fill  = "create table kept as select 1 as n"
	check = "select 1 / count(*) from kept"
)

func start(t *testing.T, cfg localpg.Config) *localpg.Server {
	t.Helper()
	server, err := localpg.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, server.Stop())
		if cfg.Dir != "" {
			require.NoError(t, localpg.Remove(cfg.Dir))
			require.NoDirExists(t, cfg.Dir)
		}
	})
	return server
}

// After a crash the number in Postgres' own lock file can belong to anybody.
func TestDataAndPasswordSurviveStopAndStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pg")
	first, err := localpg.Start(t.Context(), localpg.Config{Dir: dir})
	require.NoError(t, err)
	execute(t, first.URL("postgres"), fill)
	port, err := strconv.Atoi(portOf(t, first))
	require.NoError(t, err)
	require.NoError(t, first.Stop())
	require.NoError(t, first.Stop(), "stopping twice is harmless")
	require.ErrorIs(t, syscall.Kill(first.Pid(), 0), syscall.ESRCH)

	data := filepath.Join(filepath.Dir(first.LogFile()), "data")
	stale := strconv.Itoa(os.Getppid()) + "\n" + data + "\n1\n1\n\n127.0.0.1\n1 1\nready\n"
	require.NoError(t, os.WriteFile(filepath.Join(data, "postmaster.pid"), []byte(stale), 0o600))
	second := start(t, localpg.Config{Dir: dir, Port: port})
	require.Equal(t, first.URL("postgres"), second.URL("postgres"))
	execute(t, second.URL("postgres"), check)
}

func portOf(t *testing.T, server *localpg.Server) string {
	t.Helper()
	config, err := pgx.ParseConfig(server.URL("postgres"))
	require.NoError(t, err)
	return strconv.Itoa(int(config.Port))
}

func TestCommittedRowsSurviveACrash(t *testing.T) {
	t.Parallel()
	server := start(t, localpg.Config{Dir: filepath.Join(t.TempDir(), "pg")})
	execute(t, server.URL("postgres"), fill)
	require.NoError(t, server.Crash())
	require.NoError(t, server.Restart(t.Context()))
	execute(t, server.URL("postgres"), check)
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
	var server *localpg.Server
	require.Eventually(t, func() bool {
		server, err = localpg.Start(context.Background(), localpg.Config{Dir: dir})
		return err == nil
	}, time.Minute, 100*time.Millisecond)
	execute(t, server.URL("postgres"), "select 1")
	require.NoError(t, server.Stop())
	require.NoError(t, localpg.Remove(dir))
}

func TestTemporaryServersLeaveNoFiles(t *testing.T) {
	t.Parallel()
	server, err := localpg.Start(t.Context(), localpg.Config{})
	require.NoError(t, err)
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
	_, err = localpg.Start(t.Context(), localpg.Config{Port: taken.Addr().(*net.TCPAddr).Port})
	require.ErrorContains(t, err, "ddress already in use")
}

func TestOnlyThePasswordOpens(t *testing.T) {
	t.Parallel()
	server := start(t, localpg.Config{})
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
	_, err := localpg.Start(ctx, localpg.Config{})
	require.Error(t, err)
}
