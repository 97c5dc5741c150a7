package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// meters are the readings before a round.
type meters struct {
	rows rows
	wal  int64
	cpu  map[string]float64
}

// rows are rows written by table.
type rows map[string]int64

// postgres is what a round cost the database.
type postgres struct {
	// Seconds is the time spent in statements, planning included, summed over
	// connections: while these compete for processors they all count.
	Seconds float64 `json:"seconds"`
	// CPUSeconds is what its processes used; 0 where that cannot be read.
	CPUSeconds float64 `json:"cpu_seconds"`
	Statements int64   `json:"statements"`
	WALMB      float64 `json:"wal_mb"`
	// Top are the statements that took longest.
	Top []statement `json:"top"`
}

type statement struct {
	Name    string  `json:"name"`
	Calls   int64   `json:"calls"`
	Seconds float64 `json:"seconds"`
	Rows    int64   `json:"rows"`
}

// cpuSeconds is processor time by program.
type cpuSeconds map[string]float64

// begin reads the meters and sets those that can be to zero.
func (s *measured) begin(ctx context.Context) (m meters, err error) {
	if err := s.flush(ctx); err != nil {
		return m, err
	}
	if err := rest(ctx); err != nil {
		return m, err
	}
	if m.rows, err = s.rowsWritten(ctx); err != nil {
		return m, err
	}
	m.cpu = s.cpu()
	for _, worker := range s.workers() {
		resetPeak(worker)
	}
	if _, err := s.Database.Exec(ctx, "SELECT pg_stat_statements_reset()"); err != nil {
		return m, err
	}
	return m, s.Database.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").Scan(&m.wal)
}

// end reads the meters again and notes the difference.
func (s *measured) end(ctx context.Context, before meters, r *round) error {
	var wal int64
	if err := s.Database.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").Scan(
		&wal); err != nil {
		return err
	}
	r.Postgres.WALMB = float64(wal-before.wal) / (1 << 20)
	r.CPUSeconds = cpuSeconds{}
	for name, seconds := range s.cpu() {
		r.CPUSeconds[name] = seconds - before.cpu[name]
	}
	r.Postgres.CPUSeconds = r.CPUSeconds["postgres"]
	for _, worker := range s.workers() {
		r.WorkerPeakMB = max(r.WorkerPeakMB, peakMB(worker))
	}
	if err := s.flush(ctx); err != nil {
		return err
	}
	after, err := s.rowsWritten(ctx)
	if err != nil {
		return err
	}
	r.RowsWritten = rows{}
	for table, n := range after {
		r.RowsWritten[table] = n - before.rows[table]
	}
	return s.statements(ctx, &r.Postgres)
}

// vacuum does what autovacuum would else do in the middle of the next round, of what the last one
// has written.
func (s *measured) vacuum(ctx context.Context) error {
	_, err := s.Database.Exec(ctx, "VACUUM ANALYZE org_departments, org_members, org_member_departments, "+
		"org_group_members, org_changes")
	return err
}

// flush makes all sessions but this one report their statistics, which a session
// does at its end or when idle for ten seconds. Workers connect again by themselves.
func (s *measured) flush(ctx context.Context) error {
	const others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() " +
		"AND backend_type = 'client backend'"
	if _, err := s.Database.Exec(ctx, "SELECT pg_terminate_backend(pid) "+others); err != nil {
		return err
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		var left int
		if err := s.Database.QueryRow(ctx, "SELECT count(*) "+others).Scan(&left); err != nil || left == 0 {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// rest waits until the kernel has accounted for the sessions that flush ended, and
// until the workers' connections have been idle for long enough that their pool looks
// whether they are alive before it uses them.
func rest(ctx context.Context) error {
	timer := time.NewTimer(1500 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rowsWritten are all rows ever inserted, updated or deleted in the directory.
func (s *measured) rowsWritten(ctx context.Context) (rows, error) {
	const query = `SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables
		WHERE relname IN ('org_departments', 'org_members', 'org_member_departments')`
	got, err := s.Database.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer got.Close()
	written := rows{}
	for got.Next() {
		var table string
		var n int64
		if err := got.Scan(&table, &n); err != nil {
			return nil, err
		}
		written[table] = n
	}
	return written, got.Err()
}

// statements adds up what pg_stat_statements has on this database.
func (s *measured) statements(ctx context.Context, p *postgres) error {
	const query = `SELECT s.query, s.calls, (s.total_exec_time + s.total_plan_time) / 1000, s.rows
		FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
		WHERE d.datname = current_database() AND s.toplevel AND s.query NOT LIKE '%pg_stat_%'
		AND s.query NOT LIKE '%pg_wal_%' ORDER BY 3 DESC`
	got, err := s.Database.Query(ctx, query)
	if err != nil {
		return err
	}
	defer got.Close()
	for got.Next() {
		var one statement
		if err := got.Scan(&one.Name, &one.Calls, &one.Seconds, &one.Rows); err != nil {
			return err
		}
		p.Seconds += one.Seconds
		p.Statements += one.Calls
		if len(p.Top) < topStatements {
			one.Name = nameOf(one.Name)
			p.Top = append(p.Top, one)
		}
	}
	return got.Err()
}

const topStatements = 20

// nameOf is a query's name from its leading comment, else its beginning.
func nameOf(query string) string {
	if named, ok := strings.CutPrefix(query, "-- name: "); ok {
		name, _, _ := strings.Cut(named, " ")
		return name
	}
	query = strings.Join(strings.Fields(query), " ")
	return fmt.Sprintf("%.60s", query)
}
