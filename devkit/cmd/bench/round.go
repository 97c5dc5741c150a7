package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// The rounds that each company goes through.
const (
	firstLoad = "first load"
	unchanged = "unchanged"
	changed   = "5 % changed"
)

// round is one measured run.
type round struct {
	Round       string `json:"round"`
	Members     int    `json:"members"`
	Departments int    `json:"departments"`
	Status      string `json:"status"`
	// Seconds is the whole run through Temporal, from its start to its result.
	Seconds          float64    `json:"seconds"`
	MembersPerSecond float64    `json:"members_per_second"`
	Phases           []phase    `json:"phases"`
	History          history    `json:"temporal"`
	Postgres         postgres   `json:"postgres"`
	RowsWritten      rows       `json:"rows_written"`
	Calls            calls      `json:"calls"`
	WorkerPeakMB     float64    `json:"worker_peak_mb"`
	CPUSeconds       cpuSeconds `json:"cpu_seconds"`
	// Result is what the run itself reports.
	Result json.RawMessage `json:"result"`
}

// phase is a step of the run.
type phase struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// calls are provider calls.
type calls struct {
	Made int `json:"made"`
	// Fewest is how many no program could do without.
	Fewest    int            `json:"fewest"`
	Throttled int            `json:"throttled"`
	By        map[string]int `json:"by_endpoint"`
}

// outcome is what of a run's result is shown.
type outcome struct {
	RunID       string `json:"run_id"`
	Status      string `json:"status"`
	Departments struct{ Read int }
	Members     struct{ Read int }
}

// round runs one sync and measures it.
func (s *measured) round(ctx context.Context, name string) (round, error) {
	r := round{Round: name}
	if err := s.ResetCalls(ctx); err != nil {
		return r, err
	}
	if name != firstLoad {
		if err := s.vacuum(ctx); err != nil {
			return r, err
		}
	}
	before, err := s.begin(ctx)
	if err != nil {
		return r, err
	}
	began := time.Now()
	run, err := s.Sync(ctx, nil)
	if err != nil {
		return r, err
	}
	if err := run.Get(ctx, &r.Result); err != nil {
		return r, err
	}
	r.Seconds = time.Since(began).Seconds()
	if err := s.end(ctx, before, &r); err != nil {
		return r, err
	}
	var out outcome
	if err := json.Unmarshal(r.Result, &out); err != nil {
		return r, err
	}
	if out.Status != "succeeded" {
		return r, fmt.Errorf("the run ended %s: %s", out.Status, r.Result)
	}
	r.Status, r.Members, r.Departments = out.Status, out.Members.Read, out.Departments.Read
	r.MembersPerSecond = float64(r.Members) / r.Seconds
	if err := s.readHistories(ctx, run, &r); err != nil {
		return r, err
	}
	return r, s.readCalls(ctx, &r)
}

func (s *measured) readCalls(ctx context.Context, r *round) (err error) {
	if r.Calls.By, err = s.Calls(ctx); err != nil {
		return err
	}
	for _, n := range r.Calls.By {
		r.Calls.Made += n
	}
	refused, err := s.Throttled(ctx)
	if err != nil {
		return err
	}
	for _, n := range refused {
		r.Calls.Throttled += n
	}
	r.Calls.Fewest, err = s.fewest(ctx)
	return err
}
