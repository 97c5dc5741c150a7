// Package localpg runs a private Postgres server out of a directory, for tests and the development stack: it finds or
// fetches the binaries, makes the cluster, and starts, stops and crashes the server.
//
// The server listens on 127.0.0.1 only and asks for a password. Started by root, it runs under another account, because
// Postgres refuses root. No production program uses this package.
package localpg

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/stack/process"
)

const (
	startTimeout = 60 * time.Second // recovery after a crash takes a while
	stopTimeout  = 30 * time.Second
)

// Config says which cluster to run, and how.
type Config struct {
	Dir      string    // home of the cluster; made if missing. "" is a new one without fsync, deleted at the end
	Port     int       // TCP port; 0 means any free one
	Settings []string  // of the server beyond its defaults, as name=value
	Progress io.Writer // told what takes long; nil for nobody
	// what the caller holds on Dir, and is to stay taken while the server runs; nil: the server's own
	Lock *process.Lock
}

// Server is a running server. Its methods may not be called concurrently.
type Server struct {
	*process.Process // the server's first, once it is started

	cfg      Config
	acct     *account
	bin      binaries
	home     string
	port     int
	password string
	own      *process.Lock
}

// Start starts the cluster in cfg.Dir, which it makes first if there is none, and returns once the server takes
// connections. One that another process runs is an error. If this process ends without Stop, the server is shut down,
// and a temporary cluster deleted.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	s := &Server{cfg: cfg}
	if err := s.prepare(ctx); err != nil {
		s.leave()
		return nil, fmt.Errorf("prepare postgres: %w", err)
	}
	if err := s.run(ctx); err != nil {
		s.leave()
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	return s, nil
}

// prepare claims the directory and makes the cluster if there is none.
func (s *Server) prepare(ctx context.Context) (err error) {
	if s.acct, err = serverAccount(); err != nil {
		return err
	}
	wanted, err := filepath.Abs(s.cfg.Dir)
	if s.temporary() {
		wanted, err = os.MkdirTemp("", "orgsync-postgres-")
	}
	if err != nil {
		return err
	}
	if s.home, err = s.acct.place(ctx, wanted); err != nil {
		return err
	}
	if s.cfg.Lock == nil && !s.temporary() {
		if s.own, err = process.TryLock(filepath.Join(s.home, "lock")); err != nil {
			return fmt.Errorf("the cluster belongs to another process: %w", err)
		}
		s.cfg.Lock = s.own
	}
	if s.bin, err = findBinaries(ctx, s.acct, major(s.home), s.cfg.Progress); err != nil {
		return err
	}
	s.password, err = initialise(ctx, s.acct, s.bin, s.home)
	return err
}

// leave gives the directory up, and deletes a temporary one.
func (s *Server) leave() {
	if s.temporary() && s.home != "" {
		_ = os.RemoveAll(s.home)
	}
	if s.own != nil {
		s.own.Unlock()
		s.own = nil
	}
}

func (s *Server) temporary() bool { return s.cfg.Dir == "" }

// URL is where to connect, as the cluster's superuser, to a database: "postgres" exists from the start. It holds a
// password.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", superuser, s.password, s.port, database)
}

// LogFile is where the server writes its log.
func (s *Server) LogFile() string { return filepath.Join(s.home, logFile) }

// Stop breaks off open connections, shuts the server down in order and returns once it is gone. A second Stop does
// nothing.
func (s *Server) Stop() error {
	err := s.Process.Stop(syscall.SIGINT, stopTimeout) // a fast shutdown, in Postgres' words
	s.leave()
	return err
}

// Crash ends the server as a power cut would, without writing anything back. Restart brings it up again.
func (s *Server) Crash() error { return s.Process.Stop(syscall.SIGQUIT, stopTimeout) }

// Restart stops the server if it runs and starts it again on the same port.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Process.Stop(syscall.SIGINT, stopTimeout); err != nil {
		return err
	}
	s.cfg.Port = s.port
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("restart postgres: %w", err)
	}
	return nil
}

// Remove deletes the cluster in dir with all its data. It must not be running.
func Remove(dir string) error {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.RemoveAll(dir)
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.RemoveAll(substitute(dir))
		_ = os.Remove(rootHome) // which works only if it is there and nothing else lies in it
	}
	if err != nil {
		return fmt.Errorf("remove cluster: %w", err)
	}
	return nil
}
