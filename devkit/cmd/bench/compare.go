package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db"
)

// comparison is the same rows loaded in other ways, into empty tables of the same
// definition in another database of the same server.
type comparison struct {
	// Directory is plain COPY and INSERT … ON CONFLICT of the three org_* tables,
	// Record the same of all rows that a run leaves: change log and ledger besides.
	Directory cost `json:"plain_sql_directory"`
	Record    cost `json:"plain_sql_with_record"`
	// FirstLoad and Unchanged are row by row, as the system replaced does it.
	FirstLoad cost `json:"row_by_row_first_load"`
	Unchanged cost `json:"row_by_row_unchanged"`
	// Sampled is how many members were written row by row; the costs are scaled up
	// from them to all.
	Sampled int `json:"row_by_row_sampled"`
}

// cost is what a load took.
type cost struct {
	// Seconds passed at the client, Postgres is the time in statements, CPU the
	// processor time of Postgres.
	Seconds  float64 `json:"seconds"`
	Postgres float64 `json:"postgres_seconds"`
	CPU      float64 `json:"postgres_cpu_seconds"`
}

func (c cost) times(f float64) cost { return cost{c.Seconds * f, c.Postgres * f, c.CPU * f} }

func (c cost) plus(d cost) cost {
	return cost{c.Seconds + d.Seconds, c.Postgres + d.Postgres, c.CPU + d.CPU}
}

// copied are the tables to load and the columns that are there to be loaded, in an
// order that satisfies their references.
var copied = []struct {
	table     string
	directory bool
	skip      string
}{
	{
		"identity_providers",
		false,
		"",
	}, {"org_departments", true, ""}, {"org_members", true, ""}, {"org_member_departments", true, ""},
	{"sync_runs", false, ""}, {"sync_run_departments", false, ""}, {"org_changes", false, "id"},
}

// compare loads what the stack's database holds in the other ways.
func (b bench) compare(ctx context.Context, s *measured, members int) (*comparison, error) {
	c := &comparison{}
	dir := filepath.Join(b.dir, fmt.Sprintf("%d-rows", members))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return c, err
	}
	defer os.RemoveAll(dir)
	dump, err := s.dump(ctx, dir)
	if err != nil {
		return c, err
	}
	fmt.Fprintf(b.progress, "bench: %d members: plain SQL\n", members)
	full, err := s.clone(ctx, "plain")
	if err != nil {
		return c, err
	}
	defer full.Close(context.WithoutCancel(ctx))
	for _, table := range dump {
		spent, err := s.metered(ctx, full, func() error { return table.load(ctx, full) })
		if err != nil {
			return c, fmt.Errorf("plain SQL: %s: %w", table.name, err)
		}
		if table.directory {
			c.Directory = c.Directory.plus(spent)
		}
		if table.name != "identity_providers" {
			c.Record = c.Record.plus(spent)
		}
	}
	return c, b.compareRowByRow(ctx, s, full, members, c)
}

// clone makes an empty database with the project's schema and connects to it.
func (s *measured) clone(ctx context.Context, name string) (*pgx.Conn, error) {
	if _, err := s.Database.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, err
	}
	u, err := url.Parse(s.DatabaseURL())
	if err != nil {
		return nil, err
	}
	u.Path = name
	if err := db.Migrate(ctx, u.String()); err != nil {
		return nil, err
	}
	return pgx.Connect(ctx, u.String())
}

// dumped is a table's rows in a file.
type dumped struct {
	name      string
	columns   string
	path      string
	directory bool
}

// dump writes the rows of all tables to files, so that loading does not read them
// from the same server. Only rows of the first load are in the record.
func (s *measured) dump(ctx context.Context, dir string) ([]dumped, error) {
	var all []dumped
	for _, t := range copied {
		d := dumped{name: t.table, directory: t.directory, path: filepath.Join(dir, t.table)}
		err := s.Database.QueryRow(ctx, `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
			WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
			AND attname <> $2`, t.table, t.skip).
			Scan(&d.columns)
		if err != nil {
			return nil, err
		}
		file, err := os.Create(d.path)
		if err != nil {
			return nil, err
		}
		query := fmt.Sprintf("COPY (SELECT %s FROM %s %s) TO STDOUT", d.columns, d.name, firstRunOnly(t.table))
		_, err = s.Database.PgConn().CopyTo(ctx, file, query)
		if err := file.Close(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("dump %s: %w", d.name, err)
		}
		all = append(all, d)
	}
	return all, nil
}

func firstRunOnly(table string) string {
	const first = "(SELECT id FROM sync_runs ORDER BY generation LIMIT 1)"
	switch table {
	case "sync_runs":
		return "WHERE id = " + first
	case "sync_run_departments", "org_changes":
		return "WHERE run_id = " + first
	}
	return ""
}

// load brings the rows in by COPY and puts them into their table.
func (d dumped) load(ctx context.Context, conn *pgx.Conn) error {
	file, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE load_%s AS SELECT %s FROM %s LIMIT 0", d.name,
		d.columns, d.name)); err != nil {
		return err
	}
	if _, err := conn.PgConn().CopyFrom(ctx, file,
		fmt.Sprintf("COPY load_%s (%s) FROM STDIN", d.name, d.columns)); err != nil {
		return err
	}
	_, err = conn.Exec(
		ctx,
		fmt.Sprintf(
			"INSERT INTO %s (%s) SELECT %s FROM load_%s ON CONFLICT DO NOTHING",
			d.name,
			d.columns,
			d.columns,
			d.name,
		),
	)
	return err
}

// metered does something on a database of its own, under load, and says what it took.
func (s *measured) metered(ctx context.Context, conn *pgx.Conn, do func() error) (c cost, err error) {
	if _, err := s.Database.Exec(ctx, "SELECT pg_stat_statements_reset()"); err != nil {
		return c, err
	}
	cpu, began := s.cpu()["postgres"], time.Now()
	if err := underLoad(do); err != nil {
		return c, err
	}
	c.Seconds = time.Since(began).Seconds()
	c.CPU = s.cpu()["postgres"] - cpu
	err = s.Database.QueryRow(ctx, `SELECT coalesce(sum(total_exec_time + total_plan_time), 0) / 1000
		FROM pg_stat_statements
		JOIN pg_database d ON d.oid = dbid WHERE toplevel AND d.datname = $1`, conn.Config().Database).
		Scan(&c.Postgres)
	return c, err
}
