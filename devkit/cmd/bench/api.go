package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/orgsync/orgsync/devkit/loadtest"
	"github.com/orgsync/orgsync/devkit/stack"
)

// apiReport is how fast the REST API answers with so many people stored.
type apiReport struct {
	loadtest.Head
	Members    int             `json:"members"`
	PerSecond  int             `json:"requests_per_second"`
	Seconds    int             `json:"seconds"`
	All        quantiles       `json:"all"`
	Operations []apiOperation  `json:"operations"`
	Indexes    []searchIndex   `json:"search_indexes"`
	Insert     insertionOfRows `json:"insert"`
}

// apiOperation is one kind of request beside plain SQL of the same query.
type apiOperation struct {
	Name  string    `json:"name"`
	API   quantiles `json:"api"`
	Plain quantiles `json:"plain_sql"`
}

// quantiles are of times, in milliseconds.
type quantiles struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

func quantilesOf(times []time.Duration) quantiles {
	slices.Sort(times)
	at := func(share float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return float64(times[min(len(times)-1, int(share*float64(len(times))))].Microseconds()) / 1000
	}
	return quantiles{N: len(times), P50: at(0.5), P95: at(0.95), P99: at(0.99), Max: at(1)}
}

func (q quantiles) text() string { return fmt.Sprintf("%.1f / %.1f", q.P50, q.P99) }

// request is one of an operation: its path, and plain SQL of the same query.
type request struct {
	name, path string
	sql        string
	args       []any
}

const (
	apiPerSecond = 50
	apiSeconds   = 30
	plainRounds  = 50
)

// measureAPI fills a database with people, and asks the API for a mixture of things.
func (b bench) measureAPI(ctx context.Context, root string, stdout io.Writer) (err error) {
	running, err := stack.Start(ctx, stack.Config{
		Dir: filepath.Join(b.dir, "api"), Bin: b.bin, Progress: io.Discard, Server: true,
		Postgres: []string{"shared_buffers=1GB", "max_wal_size=4GB"},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, running.Stop()) }()
	pool, err := pgxpool.New(ctx, running.DatabaseURL())
	if err != nil {
		return err
	}
	defer pool.Close()
	report := apiReport{Head: loadtest.NewHead(root, ""), Members: b.API, PerSecond: apiPerSecond, Seconds: apiSeconds}
	if err := running.AddProvider(ctx, loadtest.Provider, "wecom"); err != nil {
		return err
	}
	if report.Insert, report.Indexes, err = fill(ctx, pool, b.API); err != nil {
		return fmt.Errorf("fill the database: %w", err)
	}
	requests, err := mixture(ctx, pool)
	if err != nil {
		return err
	}
	token := ""
	for _, setting := range running.Settings() {
		if setting.Name == "ORGSYNC_TOKEN" {
			token = setting.Value
		}
	}
	if err := report.ask(ctx, running.ServerURL(), token, requests); err != nil {
		return err
	}
	if err := report.askPlain(ctx, pool, requests); err != nil {
		return err
	}
	summary := report.summary()
	summary.Print(stdout)
	_, err = b.Save(root, "bench-api", report, summary)
	return err
}

// ask sends requests at a steady rate, whatever the answers take. A time counts from when the
// request was due.
func (r *apiReport) ask(ctx context.Context, server, token string, requests func() request) error {
	var mu sync.Mutex
	times, failed := map[string][]time.Duration{}, error(nil)
	var all sync.WaitGroup
	began := time.Now()
	for n := range apiPerSecond * apiSeconds {
		due := began.Add(time.Duration(n) * time.Second / apiPerSecond)
		time.Sleep(time.Until(due))
		asked := requests()
		all.Go(func() {
			err := get(ctx, server+"/api/v1"+asked.path, token)
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			times[asked.name] = append(times[asked.name], took)
		})
	}
	all.Wait()
	var together []time.Duration
	for name, took := range times {
		together = append(together, took...)
		r.Operations = append(r.Operations, apiOperation{Name: name, API: quantilesOf(took)})
	}
	slices.SortFunc(r.Operations, func(a, b apiOperation) int { return cmpText(a.Name, b.Name) })
	r.All = quantilesOf(together)
	return failed
}

func cmpText(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func get(ctx context.Context, address, token string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.200s", address, answer.Status, body)
	}
	return err
}

// askPlain runs the requests' plain SQL one after the other.
func (r *apiReport) askPlain(ctx context.Context, pool *pgxpool.Pool, requests func() request) error {
	times := map[string][]time.Duration{}
	for range plainRounds * len(r.Operations) {
		asked := requests()
		began := time.Now()
		rows, err := pool.Query(ctx, asked.sql, append([]any{pgx.QueryExecModeCacheDescribe}, asked.args...)...)
		if err == nil {
			for rows.Next() {
				_, err = rows.Values()
			}
			err = errors.Join(err, rows.Err())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", asked.name, err)
		}
		times[asked.name] = append(times[asked.name], time.Since(began))
	}
	for i, op := range r.Operations {
		r.Operations[i].Plain = quantilesOf(times[op.Name])
	}
	return nil
}

func (r *apiReport) summary() loadtest.Summary {
	operations := loadtest.NewTable(table.Row{"operation", "requests", "API ms: p50 / p99", "plain SQL ms: p50 / p99"})
	for _, op := range r.Operations {
		operations.AppendRow(table.Row{op.Name, op.API.N, op.API.text(), op.Plain.text()})
	}
	operations.AppendRow(table.Row{"all together", r.All.N, r.All.text(), ""})
	indexes := loadtest.NewTable(table.Row{"index", "MB", "seconds to build"})
	for _, index := range r.Indexes {
		indexes.AppendRow(table.Row{index.Name, index.MB, fmt.Sprintf("%.1f", index.Seconds)})
	}
	text := fmt.Sprintf("%d people, %d mixed requests a second for %d s; %s.\n"+
		"Inserting these people took %.1f s without the indexes of people search and %.1f s with them.",
		r.Members, r.PerSecond, r.Seconds, r.Where(), r.Insert.Without, r.Insert.With)
	return loadtest.Summary{Title: "The REST API", Text: text, Tables: []table.Writer{operations, indexes}}
}

// mixture returns a function that returns requests at random, for people who are there.
func mixture(ctx context.Context, pool *pgxpool.Pool) (func() request, error) {
	type person struct {
		ID, Name, Pinyin, Initials, Email, Phone, EmployeeNo, ExternalID, Department string
	}
	rows, err := pool.Query(ctx, `SELECT id::text, name, name_translit_full, name_translit_initial, email, phone, employee_no,
		external_id, department_id::text FROM org_members ORDER BY id LIMIT 2000`)
	if err != nil {
		return nil, err
	}
	people, err := pgx.CollectRows(rows, pgx.RowToStructByPos[person])
	if err != nil {
		return nil, err
	}
	chance := rand.New(rand.NewPCG(1, 2))
	const columns = "SELECT * FROM org_members m WHERE "
	find := func(name, text, key, begin string) request {
		return request{name, "/members?q=" + url.QueryEscape(text), columns + key + " >= $1 AND " + key +
			" < $2 AND status <> 'deleted' ORDER BY " + key + " LIMIT 51", []any{begin, begin + "\U0010FFFF"}}
	}
	kinds := []func(p person) request{
		func(p person) request { return find("name", p.Name, `lower(name) COLLATE "C"`, p.Name) },
		func(p person) request {
			first := string([]rune(p.Name)[:1])
			return find("family name", first, `lower(name) COLLATE "C"`, first)
		},
		func(p person) request {
			return find("pinyin", p.Pinyin[:4], `name_translit_full COLLATE "C"`, p.Pinyin[:4])
		},
		func(p person) request {
			return find("initials", p.Initials, `name_translit_initial COLLATE "C"`, p.Initials)
		},
		func(p person) request { return find("e-mail", p.Email, `lower(email) COLLATE "C"`, p.Email) },
		func(p person) request { return find("phone", p.Phone[3:], `phone COLLATE "C"`, p.Phone) },
		func(p person) request {
			end := p.Phone[len(p.Phone)-6:]
			r := []rune(end)
			slices.Reverse(r)
			return find("end of phone", end, `reverse(phone) COLLATE "C"`, string(r))
		},
		func(p person) request {
			return find("employee number", p.EmployeeNo, `lower(employee_no) COLLATE "C"`, p.EmployeeNo)
		},
		func(p person) request {
			return request{"external id", "/members?q=" + p.ExternalID, columns +
				"provider_id = (SELECT id FROM identity_providers) AND lower(external_id) = $1", []any{p.ExternalID}}
		},
		func(p person) request {
			given := string([]rune(p.Name)[len([]rune(p.Name))-2:])
			return request{"given name", "/members?q=" + url.QueryEscape(given), columns +
				"org_bigrams(name) @> ARRAY[$1] AND status <> 'deleted' ORDER BY id LIMIT 51", []any{given}}
		},
		func(p person) request {
			return request{"a person", "/members/" + p.ID, columns + "id = $1", []any{p.ID}}
		},
		func(p person) request {
			return request{"a person's history", "/members/" + p.ID + "/history",
				"SELECT * FROM org_changes WHERE object_id = $1 ORDER BY id DESC LIMIT 51", []any{p.ID}}
		},
		func(p person) request {
			return request{"members of a department", "/departments/" + p.Department + "/members", `SELECT m.*
				FROM org_member_departments d JOIN org_members m ON m.id = d.member_id WHERE d.department_id = $1
				ORDER BY m.name, m.id LIMIT 51`, []any{p.Department}}
		},
		func(p person) request {
			return request{"departments below", "/departments/" + p.Department + "/children",
				"SELECT * FROM org_departments WHERE parent_id = $1 ORDER BY name LIMIT 51", []any{p.Department}}
		},
		func(p person) request {
			return request{"a page of people", "/members?limit=200&provider=acme", columns +
				"status <> 'deleted' ORDER BY id LIMIT 201", nil}
		},
	}
	var mu sync.Mutex
	return func() request {
		mu.Lock()
		defer mu.Unlock()
		return kinds[chance.IntN(len(kinds))](people[chance.IntN(len(people))])
	}, nil
}
