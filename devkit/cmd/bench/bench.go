package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/orgsync/orgsync/devkit/loadtest"
	"github.com/orgsync/orgsync/devkit/stack"
)

// bench measures one company after the other, each on a stack of its own.
type bench struct {
	flags
	bin      string
	dir      string
	progress io.Writer
}

// drifted is the share of people and departments that change for the third round.
const drifted = 0.05

// size measures a company of so many members as often as asked and adds to the report.
func (b bench) size(ctx context.Context, members int, report *report) error {
	var left []contents
	for range b.Repeat {
		var err error
		if left, err = b.usual(ctx, members, report); err != nil {
			return err
		}
	}
	if !b.spreads(members) {
		return nil
	}
	var err error
	if report.Spread, err = b.spread(ctx, members, left); err != nil {
		return fmt.Errorf("%d workers: %w", b.Spread, err)
	}
	return nil
}

// usual measures a company with the usual workers and the same rows loaded in other
// ways. It returns what the rounds left in the directory if that is to be compared.
func (b bench) usual(ctx context.Context, members int, report *report) (left []contents, err error) {
	s, err := b.start(ctx, b.company(members))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	m := measurement{Members: members}
	m.Rounds, left, err = b.rounds(ctx, s, members)
	if err == nil && b.Comparison {
		m.Comparison, err = b.compare(ctx, s, members)
	}
	report.Measurements = append(report.Measurements, m)
	return left, err
}

// rounds makes the three rounds of a company, and reads what each left in the
// directory if that is to be compared.
func (b bench) rounds(ctx context.Context, s *measured, members int) (rounds []round, left []contents, err error) {
	for _, name := range []string{firstLoad, unchanged, changed} {
		if name == changed {
			if err := s.Drift(ctx, drifted, 0); err != nil {
				return rounds, left, err
			}
		}
		fmt.Fprintf(b.progress, "bench: %d members, %d workers: %s\n", members, b.Workers, name)
		r, err := s.round(ctx, name)
		if err != nil {
			return rounds, left, fmt.Errorf("%s: %w", name, err)
		}
		rounds = append(rounds, r)
		if !b.spreads(members) {
			continue
		}
		c, err := readContents(ctx, s.Database)
		if err != nil {
			return rounds, left, fmt.Errorf("read the directory: %w", err)
		}
		left = append(left, c)
	}
	return rounds, left, nil
}

// company says what is simulated, and whether calls are limited as documented.
type company struct {
	vendor               string
	members, departments int
	limited              bool
}

// company is a company of the vendor and the size that the flags name, without limits.
func (b bench) company(members int) company {
	return company{vendor: b.Vendor, members: members, departments: max(1, members/b.Staff)}
}

// start brings up a stack with a simulated company.
func (b bench) start(ctx context.Context, c company) (*measured, error) {
	simulator := []string{
		"--members", strconv.Itoa(c.members), "--departments", strconv.Itoa(c.departments),
		"--depth", "8", "--largest", strconv.Itoa(min(b.Largest, c.members)),
	}
	var worker []stack.Setting
	if !c.limited {
		simulator = append(simulator, "--no-quotas")
		worker = append(worker, stack.Setting{Name: "ORGSYNC_CALL_RATE", Value: "0"})
	}
	m, err := startMeasured(ctx, c.vendor, stack.Config{
		Dir: filepath.Join(b.dir, "stack"), Bin: b.bin, Progress: io.Discard,
		Simulator: simulator, Worker: worker, Workers: b.Workers,
		Postgres: []string{
			"shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track_planning=on",
			// As anybody has it who keeps a million rows; the defaults are for tiny machines.
			"shared_buffers=1GB", "max_wal_size=4GB",
		},
	})
	if err != nil || b.Rules == "" {
		return m, err
	}
	if _, err := m.Orgsync(ctx, []byte(b.Rules), "rules", "set", loadtest.Provider, "--file", "-"); err != nil {
		return nil, errors.Join(err, m.Stop())
	}
	return m, nil
}
