// Package db is all that knows Postgres: the stored providers, the run history
// with its completeness records and fence, the staged snapshot of a run, and the
// set-based statements that make the directory equal to it. Queries are written
// in SQL and compiled by sqlc; their generated code is private to this package.
// It talks to no provider and knows nothing of Temporal.
package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/feed"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/db/logins"
	"github.com/orgsync/orgsync/db/pages"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/db/signin"
	"github.com/orgsync/orgsync/db/tokens"
	"github.com/orgsync/orgsync/db/webhooks"
)

// Failures that callers tell apart.
var (
	// ErrNotFound: no such provider, run or row.
	ErrNotFound = pg.ErrNotFound
	// ErrBadURL: DATABASE_URL cannot be understood.
	ErrBadURL = pg.ErrBadURL
	// ErrSuperseded: the run is no longer its provider's newest; it must not write.
	ErrSuperseded = errors.New("run is no longer the newest of its provider")
)

// Failure is a statement that Postgres refused, without the row it was about.
type Failure = pg.Failure

// Occupied reports that Postgres has no connection left, or takes none yet: it may in a moment.
func Occupied(err error) bool { return pg.Occupied(err) }

// Away reports that Postgres was not reached.
func Away(err error) bool { return pg.Away(err) }

// Store gives access to the database. It is safe for concurrent use.
type Store struct {
	// Providers are the stored providers, with their secrets, tokens and call slots.
	Providers *providers.Store
	// Report reads what people and monitoring ask for; it writes nothing.
	Report *report.Store
	// Pages reads lists for the server.
	Pages *pages.Store
	// Tokens are the API's, Audit is the log of what administrators changed.
	Tokens *tokens.Store
	Audit  *audit.Store
	// SignIn are the console's sessions, and the links that begin one.
	SignIn *signin.Store
	// Logins are people's sign-ins by way of their provider.
	Logins *logins.Store
	// Feed is what runs changed, in the order in which applications are told.
	Feed *feed.Store
	// Webhooks are told of it.
	Webhooks *webhooks.Store

	pool *pg.Pool
	q    *dbsqlc.Queries
}

// Option adjusts how a database is opened.
type Option func(*pgxpool.Config)

// Connections bounds how many connections the process opens.
func Connections(most int) Option {
	return func(c *pgxpool.Config) { c.MaxConns = int32(most) }
}

// ConnectWithin bounds how long connecting may take, unless the URL says so itself. A server
// that is stopped, or behind a firewall, does not refuse: it never answers.
func ConnectWithin(longest time.Duration) Option {
	return func(c *pgxpool.Config) {
		if c.ConnConfig.ConnectTimeout == 0 {
			c.ConnConfig.ConnectTimeout = longest
		}
	}
}

// Open connects to the database and verifies that it answers. Errors say what to
// check and never show the password.
func Open(ctx context.Context, databaseURL string, options ...Option) (*Store, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, ErrBadURL
	}
	for _, option := range options {
		option(config)
	}
	config.ConnConfig.AfterConnect = switchCompilerOff
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", pg.ConnectProblem(err))
	}
	shared := &pg.Pool{Pool: pool}
	return &Store{
		Providers: providers.New(shared), Report: report.New(shared), Pages: pages.New(shared),
		Tokens: tokens.New(shared), Audit: audit.New(shared), SignIn: signin.New(shared),
		Logins: logins.New(shared),
		Feed:   feed.New(shared), Webhooks: webhooks.New(shared),
		pool: shared, q: dbsqlc.New(),
	}, nil
}

// switchCompilerOff has Postgres compile no statement of a connection (jit). Ours cost a millisecond or two, compiling
// one up to half a second, and it is done anew each time.
func switchCompilerOff(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := conn.Exec(ctx, "SET jit = off").ReadAll()
	return err
}

// Close waits for connections in use and closes all.
func (s *Store) Close() { s.pool.Close() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return interpret("ask the database", s.pool.Ping(ctx))
}

// inTx runs do in one transaction, which must use nothing but tx.
func (s *Store) inTx(ctx context.Context, do func(tx pgx.Tx) error) error {
	return s.pool.InTx(ctx, do)
}

// inFence runs do in one transaction that is committed only if the run still is
// its provider's newest: the fence row is held against a new run's taking over
// until the commit. It returns ErrSuperseded otherwise, also of a run that was held: its
// snapshot is gone, so that what reads it must not come late.
func (s *Store) inFence(ctx context.Context, runID string, do func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error) error {
	return s.inFenceUntilEnd(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if run.Approved {
			return ErrSuperseded
		}
		return do(tx, run)
	})
}

// inFenceUntilEnd is inFence for what a run that was held does, too, once its removals
// are approved.
func (s *Store) inFenceUntilEnd(ctx context.Context, runID string,
	do func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error) error {
	return s.inTx(ctx, func(tx pgx.Tx) error {
		run, err := s.q.HoldFence(ctx, tx, runID)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrSuperseded
		}
		if err != nil {
			return fmt.Errorf("check fence: %w", err)
		}
		return do(tx, run)
	})
}

func interpret(doing string, err error) error { return pg.Interpret(doing, err) }
