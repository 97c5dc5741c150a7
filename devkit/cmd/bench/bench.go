package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

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

// size measures a company of so many members and adds to the report.
func (b bench) size(ctx context.Context, members int, report *report) error {
	left, err := b.usual(ctx, members, report)
	if err != nil || !b.spreads(members) {
		return err
	}
	if report.Spread, err = b.spread(ctx, members, left); err != nil {
		return fmt.Errorf("%d workers: %w", b.Spread, err)
	}
	return nil
}

// usual measures a company with the usual workers and the same rows loaded in other
// ways. It returns what the rounds left in the directory if that is to be compared.
func (b bench) usual(ctx context.Context, members int, report *report) (left []contents, err error) {
	s, err := b.start(ctx, members, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	rounds, left, err := b.rounds(ctx, s, members)
	report.Rounds = append(report.Rounds, rounds...)
	if err != nil || !b.Comparison {
		return left, err
	}
	c, err := b.compare(ctx, s, members)
	report.Comparisons = append(report.Comparisons, c)
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

// limited reads a company once with the provider's limits on.
func (b bench) limited(ctx context.Context, members int) (l *limited, err error) {
	s, err := b.start(ctx, members, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	fmt.Fprintf(b.progress, "bench: %d members: within the documented call limits\n", members)
	r, err := s.round(ctx, firstLoad)
	if err != nil {
		return nil, err
	}
	return limitedOf(r, b.Vendor), nil
}

// start brings up a stack whose simulated company has so many members.
func (b bench) start(ctx context.Context, members int, limited bool) (*measured, error) {
	departments := max(1, members/b.Staff)
	dir := filepath.Join(b.dir, strconv.Itoa(members))
	simulator := []string{"--members", strconv.Itoa(members), "--departments", strconv.Itoa(departments), "--depth", "8", "--largest", strconv.Itoa(min(b.Largest, members))}
	var worker []stack.Setting
	if limited {
		dir += "-limited"
	} else {
		simulator = append(simulator, "--no-quotas")
		worker = append(worker, stack.Setting{Name: "ORGSYNC_CALL_RATE", Value: "0"})
	}
	return startMeasured(ctx, b.Vendor, stack.Config{
		Dir: dir, Bin: b.bin, Progress: io.Discard, Simulator: simulator, Worker: worker, Workers: b.Workers,
		Postgres: []string{
			"shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track_planning=on",
			// As anybody has it who keeps a million rows; the defaults are for tiny machines.
			"shared_buffers=1GB", "max_wal_size=4GB",
		},
	})
}
