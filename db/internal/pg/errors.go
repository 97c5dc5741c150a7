package pg

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Failures that callers tell apart.
var (
	// ErrNotFound: no such provider, run or row.
	ErrNotFound = errors.New("not found")
	// ErrBadURL: DATABASE_URL cannot be understood.
	ErrBadURL = errors.New("DATABASE_URL is not a Postgres URL such as postgres://user:password@host:5432/database")
)

// Interpret turns pgx's errors into ours, which say what was being done and quote no row.
func Interpret(doing string, err error) error {
	var connect *pgconn.ConnectError
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	case errors.As(err, &connect): // also where Postgres says why, which then is about no statement
		return fmt.Errorf("%s: %w", doing, err)
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

// Away reports that Postgres was not reached, ended the connection to stop or to restart, or left it
// without a word, as one that crashes does.
func Away(err error) bool {
	var connect *pgconn.ConnectError
	var lost *net.OpError
	var ended *pgconn.PgError
	var failure *Failure
	code := ""
	switch {
	case errors.As(err, &connect):
		return true
	case pgconn.Timeout(err):
		return false // the caller waited no longer
	case errors.As(err, &lost), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, pgconn.ErrConnClosed):
		return true
	case errors.As(err, &ended):
		code = ended.Code
	case errors.As(err, &failure):
		code = failure.Code
	}
	return Occupied(err) || strings.HasPrefix(code, "57P") || strings.HasPrefix(code, "08")
}

// ConnectProblem keeps passwords out of connection errors: pgx names the user and
// database but its parse errors may repeat the whole string.
func ConnectProblem(err error) error {
	var connect *pgconn.ConnectError
	var parse *pgconn.ParseConfigError
	switch {
	case errors.As(err, &parse):
		return ErrBadURL
	case Occupied(err):
		return fmt.Errorf(
			"%w; wait until others close theirs, or raise max_connections of Postgres or the limit of the role or "+
				"database", err)
	case errors.As(err, &connect):
		return fmt.Errorf("%w; check DATABASE_URL and that Postgres is running", err)
	default:
		return err
	}
}
