package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/stack/process"
)

// errPassing is the reason of a failed start that goes away by itself.
var errPassing = errors.New("try again")

// run starts the server process, trying again where that helps, until it takes connections.
func (s *Server) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	// Whatever this file names has ended, since we have the lock. Postgres itself would not dare to start if the
	// process id in it is somebody else's by now.
	if err := os.RemoveAll(filepath.Join(s.home, dataDir, "postmaster.pid")); err != nil {
		return err
	}
	for {
		if s.port = s.cfg.Port; s.port == 0 {
			var err error
			if s.port, err = freePort(); err != nil {
				return err
			}
		}
		err := s.attempt(ctx)
		if !errors.Is(err, errPassing) || !process.Sleep(ctx, 100*time.Millisecond) {
			return err
		}
	}
}

func (s *Server) attempt(ctx context.Context) error {
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	begin, err := log.Stat()
	if err != nil {
		return err
	}
	data := filepath.Join(s.home, dataDir)
	orphan := process.Orphan{Signal: syscall.SIGINT, Lock: s.cfg.Lock}
	settings := []string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300",
		"timezone=UTC", "log_timezone=UTC", "logging_collector=off"}
	if s.temporary() {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
		orphan = process.Orphan{Signal: syscall.SIGQUIT, Remove: s.home}
	}
	args := []string{"-D", data, "-p", strconv.Itoa(s.port)}
	for _, setting := range append(settings, s.cfg.Settings...) {
		args = append(args, "-c", setting)
	}
	// Not bound to ctx: the server lives on after Start has returned.
	cmd := s.acct.command(context.WithoutCancel(ctx), data, s.bin.path("postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if s.Process, err = process.Start(cmd, orphan); err != nil {
		return err
	}
	for !s.ready() {
		select {
		case <-s.Done():
			return s.whyEnded(begin.Size())
		default:
		}
		if !process.Sleep(ctx, 20*time.Millisecond) {
			return errors.Join(ctx.Err(), s.Process.Stop(syscall.SIGQUIT, stopTimeout))
		}
	}
	return nil
}

// ready reads what the server says of itself in the eighth line of postmaster.pid, as pg_ctl does
// (https://doxygen.postgresql.org/pidfile_8h.html, LOCK_FILE_LINE_PM_STATUS).
func (s *Server) ready() bool {
	text, _ := os.ReadFile(filepath.Join(s.home, dataDir, "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	return len(lines) >= 8 && lines[0] == strconv.Itoa(s.Pid()) && strings.TrimSpace(lines[7]) == "ready"
}

// whyEnded turns the log since begin into an error.
func (s *Server) whyEnded(begin int64) error {
	text, _ := os.ReadFile(s.LogFile())
	said := lastLines(text[min(begin, int64(len(text))):])
	// Somebody was faster between choosing the port and taking it, or processes of a crashed server are still ending.
	if strings.Contains(said, "could not bind") && s.cfg.Port == 0 || strings.Contains(said, "is still in use") {
		return fmt.Errorf("%w: %s", errPassing, said)
	}
	return fmt.Errorf("it ended at once: %s (log: %s)", said, s.LogFile())
}
