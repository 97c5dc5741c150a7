// Package db is all that knows Postgres: the stored providers, the run history
// with its completeness ledger and fence, the staged snapshot of a run, and the
// set-based statements that make the directory equal to it. Queries are written
// in SQL and compiled by sqlc; their generated code is private to this package.
// It talks to no provider and knows nothing of Temporal.
package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// Failures that callers tell apart.
var (
	// ErrNotFound: no such provider, run or row.
	ErrNotFound = errors.New("not found")
	// ErrNameTaken: a provider of that name exists already.
	ErrNameTaken = errors.New("name is taken")
	// ErrBadURL: DATABASE_URL cannot be understood.
	ErrBadURL = errors.New("DATABASE_URL is not a Postgres URL such as postgres://user:password@host:5432/database")
	// ErrSuperseded: the run is no longer its provider's newest; it must not write.
	ErrSuperseded = errors.New("run is no longer the newest of its provider")
)

// Store gives access to the database. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
	q    *dbsqlc.Queries
	// gates are the process's own queues before the tokens' locks, by token.
	gates sync.Map
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
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", connectProblem(err))
	}
	return &Store{pool: pool, q: dbsqlc.New()}, nil
}

// Close waits for connections in use and closes all.
func (s *Store) Close() { s.pool.Close() }

// inTx runs do in one transaction. do must use nothing but tx: who holds a connection of
// the pool waits for no other.
func (s *Store) inTx(ctx context.Context, do func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, do)
}

// inTxApart is inTx on a connection of its own, none of the pool's: for what is done while
// a connection of the pool is held, since as many at once as there are would each wait for
// another one for ever, and for what waits long for somebody who needs one.
func (s *Store) inTxApart(ctx context.Context, do func(tx pgx.Tx) error) error {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return interpret("connect", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return pgx.BeginFunc(ctx, conn, do)
}

// inFence runs do in one transaction that is committed only if the run still is
// its provider's newest: the fence row is held against a new run's taking over
// until the commit. It returns ErrSuperseded otherwise, also of a run that was held: its
// snapshot is gone, so that what reads it must not come late.
func (s *Store) inFence(ctx context.Context, runID string, do func(tx pgx.Tx, run dbsqlc.FenceHoldRow) error) error {
	return s.inFenceUntilEnd(ctx, runID, func(tx pgx.Tx, run dbsqlc.FenceHoldRow) error {
		if run.Approved {
			return ErrSuperseded
		}
		return do(tx, run)
	})
}

// inFenceUntilEnd is inFence for what a run that was held does, too, once its removals
// are approved.
func (s *Store) inFenceUntilEnd(ctx context.Context, runID string, do func(tx pgx.Tx, run dbsqlc.FenceHoldRow) error) error {
	return s.inTx(ctx, func(tx pgx.Tx) error {
		run, err := s.q.FenceHold(ctx, tx, runID)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrSuperseded
		}
		if err != nil {
			return fmt.Errorf("check fence: %w", err)
		}
		return do(tx, run)
	})
}

// interpret turns pgx's errors into ours.
func interpret(doing string, err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	case errors.As(err, &pg):
		// Detail and Where may quote rows, which hold personal data.
		return fmt.Errorf("%s: %w", doing, &Failure{Code: pg.Code, Message: pg.Message, Constraint: pg.ConstraintName})
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// Failure is a statement that Postgres refused, without the row it was about.
type Failure struct {
	// Code is the SQLSTATE.
	Code       string
	Message    string
	Constraint string
}

// Error implements error.
func (f *Failure) Error() string {
	text := "postgres " + f.Code
	// The messages of data exceptions (class 22) quote the offending value.
	if len(f.Code) == 5 && f.Code[:2] != "22" {
		text += ": " + f.Message
	}
	if f.Constraint != "" {
		text += " (" + f.Constraint + ")"
	}
	return text
}

// Occupied reports that Postgres is at work and has no connection left (53300), or does not
// take any yet, as while it starts (57P03): it may in a moment.
func Occupied(err error) bool {
	var pg *pgconn.PgError
	var failure *Failure
	switch {
	case errors.As(err, &pg):
		return pg.Code == "53300" || pg.Code == "57P03"
	case errors.As(err, &failure):
		return failure.Code == "53300" || failure.Code == "57P03"
	default:
		return false
	}
}

// connectProblem keeps passwords out of connection errors: pgx names the user and
// database but its parse errors may repeat the whole string.
func connectProblem(err error) error {
	var connect *pgconn.ConnectError
	var parse *pgconn.ParseConfigError
	switch {
	case errors.As(err, &parse):
		return ErrBadURL
	case Occupied(err):
		return fmt.Errorf("%w; wait until others close theirs, or raise max_connections of Postgres or the limit of the role or database", err)
	case errors.As(err, &connect):
		return fmt.Errorf("%w; check DATABASE_URL and that Postgres is running", err)
	default:
		return err
	}
}
