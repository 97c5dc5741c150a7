// Package dbtest gives tests real Postgres databases that hold the project's schema and that nobody else uses. Only
// tests import it.
//
// The server is the one named by ORGSYNC_TEST_DATABASE_URL, where the role must be a superuser, or else a temporary one
// that is started for the test binary at first use and ends with it: normally, by a panic or by kill -9.
//
// Every database is a clone of a template, which is migrated once per server and set of migrations. Since this package
// uses package db, tests inside package db must be in package db_test.
package dbtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/deploy"
	"github.com/orgsync/orgsync/devkit/stack/localpg"
)

// ServerVariable names the environment variable with the URL of the server to use.
const ServerVariable = "ORGSYNC_TEST_DATABASE_URL"

const dropTimeout = time.Minute

// The server is shared by all tests of the binary and never stopped by them: it ends with the process.
var server = sync.OnceValues(func() (string, error) {
	if configured := os.Getenv(ServerVariable); configured != "" {
		return configured, nil
	}
	started, err := localpg.Start(context.Background(), localpg.Config{Progress: os.Stderr})
	if err != nil {
		return "", err
	}
	return started.URL("postgres"), nil
})

// New returns the URL of a database of its own for the test, with all migrations applied and empty tables. It is
// dropped when the test ends, whoever is still connected.
func New(t testing.TB) string {
	t.Helper()
	template := template(t)
	return create(t, "TEMPLATE "+template)
}

// Empty is New without migrations: a database with nothing in it, for tests of the migrations themselves. Options are
// those of CREATE DATABASE.
func Empty(t testing.TB, options ...string) string {
	t.Helper()
	return create(t, "TEMPLATE template0 "+strings.Join(options, " "))
}

// Prepare makes the installation's roles and its tables in a database of a server that is not this package's own.
func Prepare(ctx context.Context, location string) error {
	if err := execute(ctx, location, deploy.Roles); err != nil {
		return fmt.Errorf("make roles: %w", err)
	}
	return db.Migrate(ctx, location)
}

// As is the URL of a database, to be used with no more rights than one of the roles of deploy/sql/roles.sql has.
func As(t testing.TB, role, location string) string {
	t.Helper()
	parsed, err := url.Parse(location)
	if err != nil {
		t.Fatalf("name test database: %v", err)
	}
	query := parsed.Query()
	query.Set("role", role)
	parsed.RawQuery = query.Encode()
	return parsed.String()
}

// Pool returns a connection pool on a database as New makes it. It is closed when the test ends.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), New(t))
	if err != nil {
		t.Fatalf("open test database: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Server returns the URL of the server's administrative database.
func Server(t testing.TB) string {
	t.Helper()
	admin, err := server()
	if err != nil {
		t.Fatalf("start test server: %v", err)
	}
	return admin
}

func create(t testing.TB, options string) string {
	t.Helper()
	admin := Server(t)
	name := "orgsync_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := execute(t.Context(), admin, "CREATE DATABASE "+name+" "+options); err != nil {
		t.Fatalf("create test database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout) // the test's own context is over by now
		defer cancel()
		// IF EXISTS, since a test may drop its database, or crash its server, on purpose.
		if err := execute(ctx, admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop test database: %v", err)
		}
	})
	location, err := inDatabase(admin, name)
	if err != nil {
		t.Fatalf("name test database: %v", err)
	}
	return location
}

// template returns the name of the migrated database that others are cloned from.
func template(t testing.TB) string {
	t.Helper()
	name, err := migrated(t.Context(), Server(t), db.MigrationsHash(), Prepare)
	if err != nil {
		t.Fatalf("prepare template database: %v", err)
	}
	return name
}

// migrated makes sure that the template for a set of migrations exists. Test binaries that run at the same time wait
// for the one that builds it; one that is killed while building leaves a draft, which the next replaces.
func migrated(ctx context.Context, admin, hash string, migrate func(context.Context, string) error) (string, error) {
	name := "orgsync_template_" + hash[:min(16, len(hash))]
	draft := name + "_draft"
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) // gives the lock back too
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", name); err != nil {
		return "", fmt.Errorf("lock: %w", err)
	}
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)",
		name).Scan(&exists); err != nil {
		return "", fmt.Errorf("look up: %w", err)
	}
	if exists {
		return name, nil
	}
	location, err := inDatabase(admin, draft)
	if err != nil {
		return "", err
	}
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + draft + " WITH (FORCE)",
		"CREATE DATABASE " + draft + " TEMPLATE template0"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", fmt.Errorf("create: %w", err)
		}
	}
	if err := migrate(ctx, location); err != nil {
		return "", fmt.Errorf("migrate: %w", err)
	}
	// Nobody may connect from now on: a template in use cannot be cloned.
	for _, statement := range []string{"ALTER DATABASE " + draft + " ALLOW_CONNECTIONS false",
		"ALTER DATABASE " + draft + " RENAME TO " + name} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", fmt.Errorf("finish: %w", err)
		}
	}
	return name, nil
}

// execute runs one statement on a connection of its own, so that nothing of it outlives the call.
func execute(ctx context.Context, location, statement string) error {
	conn, err := pgx.Connect(ctx, location)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}

// inDatabase is a URL with another database's name.
func inDatabase(location, name string) (string, error) {
	parsed, err := url.Parse(location)
	if err != nil || parsed.Host == "" {
		return "", fmt.Errorf("%s is not a URL like postgres://user@host:5432/postgres", ServerVariable)
	}
	parsed.Path = "/" + name
	return parsed.String(), nil
}
