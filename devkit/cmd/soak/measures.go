package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/orgsync/orgsync/devkit/stack"
)

// measures are taken when a run has ended.
type measures struct {
	// Of the worker that lives as long as the soak.
	WorkerMB float64 `json:"worker_mb"`
	// Goroutines are those besides the pollers', of which there are as many as Temporal
	// finds right at the moment, two goroutines each.
	Goroutines float64 `json:"goroutines"`
	Files      float64 `json:"open_files"`
	// Connections are those of all programs to the database.
	Connections float64 `json:"connections"`
	// Rows are the three org_* tables' with deleted ones, TableMB and IndexMB their size.
	Rows    float64 `json:"rows"`
	TableMB float64 `json:"table_mb"`
	IndexMB float64 `json:"index_mb"`
	// StagingMB is the size of the tables that are empty between runs, RecordMB that of all others.
	StagingMB float64 `json:"staging_mb"`
	RecordMB  float64 `json:"record_mb"`
	// LargestHistory is the most events of a workflow that the run and its retention began.
	LargestHistory float64 `json:"largest_history"`
}

// rowBytes is what a row of the directory takes, with its indexes: companies grow, but
// their rows must not.
func (m measures) rowBytes() float64 { return (m.TableMB + m.IndexMB) * (1 << 20) / max(1, m.Rows) }

func (s *soak) measure(ctx context.Context, runID string, began time.Time) (m measures, err error) {
	if err := s.measureTables(ctx, &m); err != nil {
		return m, fmt.Errorf("measure tables: %w", err)
	}
	if err := s.measureWorker(ctx, &m); err != nil {
		return m, fmt.Errorf("measure worker: %w", err)
	}
	var left int
	if err := s.Database.QueryRow(ctx, `SELECT
		(SELECT count(*) FROM staged_departments WHERE run_id = $1) + (SELECT count(*) FROM staged_members
		WHERE run_id = $1)
			+ (SELECT count(*) FROM member_matches WHERE run_id = $1)`, runOrNone(runID)).Scan(&left); err != nil {
		return m, err
	}
	if left > 0 {
		return m, fmt.Errorf("%d rows of its snapshot are left", left)
	}
	if m.LargestHistory, err = s.largestHistory(ctx, began); err != nil {
		return m, err
	}
	return m, s.Database.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND backend_type = 'client backend'
		AND pid <> pg_backend_pid()`).Scan(&m.Connections)
}

// runOrNone is a run's id; a terminated run could not tell its own, and its snapshot is
// left to the next retention run.
func runOrNone(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}

func (s *soak) measureTables(ctx context.Context, m *measures) error {
	return s.Database.QueryRow(ctx, `
		WITH sizes AS (
			SELECT CASE WHEN relname IN ('org_departments', 'org_members', 'org_member_departments') THEN 'directory'
				WHEN relname LIKE 'staged\_%'
				OR relname IN ('member_matches', 'dry_run_changes') THEN 'staging' ELSE 'record' END AS part,
				pg_table_size(relid) / 1048576.0 AS tables, pg_indexes_size(relid) / 1048576.0 AS indexes
			FROM pg_stat_user_tables
		)
		SELECT sum(tables) FILTER (WHERE part = 'directory')::float8, sum(indexes) FILTER (WHERE part =
		'directory')::float8,
			sum(tables + indexes) FILTER (WHERE part = 'staging')::float8, sum(tables + indexes) FILTER (WHERE part =
			'record')::float8,
			(SELECT count(*) FROM org_departments) + (SELECT count(*) FROM org_members) + (SELECT count(*)
			FROM org_member_departments)
		FROM sizes`).Scan(&m.TableMB, &m.IndexMB, &m.StagingMB, &m.RecordMB, &m.Rows)
}

// metricsAddress finds where a worker said that it answers for its metrics.
var metricsAddress = regexp.MustCompile(`metrics and health.*(http://127\.0\.0\.1:\d+)`)

// measureWorker asks the first worker for its own metrics.
func (s *soak) measureWorker(ctx context.Context, m *measures) error {
	var log []byte
	for _, child := range s.Children() {
		if child.Name == "worker" {
			var err error
			if log, err = os.ReadFile(child.Log); err != nil {
				return err
			}
		}
	}
	found := metricsAddress.FindSubmatch(log)
	if found == nil {
		return errors.New("the worker does not say where its metrics are")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, string(found[1])+"/metrics", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(body)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, _ := strconv.ParseFloat(value, 64)
		if strings.HasPrefix(name, "temporal_num_pollers{") {
			m.Goroutines -= 2 * n
		}
		switch name {
		case "process_resident_memory_bytes":
			m.WorkerMB = n / (1 << 20)
		case "go_goroutines":
			m.Goroutines += n
		case "process_open_fds":
			m.Files = n
		}
	}
	return nil
}

// largestHistory asks Temporal for the most events of a workflow that began since and
// has ended.
func (s *soak) largestHistory(ctx context.Context, began time.Time) (most float64, err error) {
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: stack.Namespace, PageSize: 1000,
		Query: fmt.Sprintf("ExecutionStatus != 'Running' AND StartTime >= '%s'", began.UTC().Format(time.RFC3339Nano)),
	}
	for {
		page, err := s.Client.ListWorkflow(ctx, request)
		if err != nil {
			return 0, err
		}
		for _, execution := range page.GetExecutions() {
			most = max(most, float64(execution.GetHistoryLength()))
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return most, nil
		}
	}
}
