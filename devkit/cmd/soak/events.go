package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/loadtest"
	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
)

// telling is how the simulator tells of changes in a round of events: shares of the messages.
type telling struct {
	Vendor    string  `json:"vendor"`
	URL       string  `json:"url,omitempty"`
	Full      bool    `json:"full,omitempty"`
	Duplicate float64 `json:"duplicate,omitempty"`
	Drop      float64 `json:"drop,omitempty"`
	Late      float64 `json:"late,omitempty"`
	LateBy    float64 `json:"late_by,omitempty"`
	Odd       float64 `json:"odd,omitempty"`
	Cut       float64 `json:"cut,omitempty"`
	Pace      float64 `json:"pace,omitempty"`
}

// eventsPace divides Feishu's pauses before it tells again, which are hours: the last must end within
// eventsPatience, since many messages at once on connections that are cut are told that often.
const eventsPace = 120

// eventsPatience is how long everything may take to be told and followed.
const eventsPatience = 5 * time.Minute

// eventKinds are rounds in which no run is started: the company changes, its provider tells of it,
// and the directory must follow.
var eventKinds = []kind{
	{name: "events", weight: 30, ends: followed},
	{name: "events late and twice", weight: 20, ends: followed,
		events: telling{Duplicate: 0.3, Late: 0.5, LateBy: 3}},
	{name: "events under faults", weight: 15, before: lookupFaults, ends: followed},
	{name: "events on bad connections", weight: 10, ends: followed, events: telling{Odd: 0.2, Cut: 0.03}},
	{name: "events and a killed worker", weight: 10, during: kill, ends: followed},
	{name: "events and a killed server", weight: 10, during: killServer, ends: followed},
	{name: "events dropped", weight: 10, ends: followed, events: telling{Drop: 0.3}},
}

var followed = []string{"followed"}

func killServer(ctx context.Context, t *turn) error { return t.CrashServer(ctx) }

// lookups are the calls by which each provider is asked about single people and departments.
var lookups = map[string][]string{
	"feishu": {"users/get", "departments/get"}, "dingtalk": {"user/get", "department/get"},
	"wecom": {"user/get", "department/get"},
}

// lookupFaults strike a few lookups: fewer than any of them is tried.
func lookupFaults(ctx context.Context, t *turn) error {
	actions := append(t.transport(), simulator.Action{Kind: simulator.Throttle, Delay: time.Second},
		simulator.Action{Kind: simulator.Slow, Delay: time.Second}, simulator.Action{Kind: simulator.ExpireToken})
	var faults []simulator.Fault
	for _, endpoint := range lookups[t.Trial.Vendor] {
		faults = append(faults, simulator.Fault{Endpoint: endpoint, From: 1 + t.rng.IntN(10), Times: 1 + t.rng.IntN(2),
			Action: t.one(actions)})
	}
	return t.strike(ctx, faults...)
}

// enableEvents has the provider tell of changes. What runs by events remove counts together over a
// day, in which a soak removes more than a company does.
func (s *soak) enableEvents(ctx context.Context) error {
	for _, args := range [][]string{
		{"provider", "update", loadtest.Provider, "--removal-percent", "100", "--department-removal-percent", "100"},
		{"events", "enable", loadtest.Provider},
	} {
		if _, err := s.Orgsync(ctx, nil, args...); err != nil {
			return err
		}
	}
	return nil
}

// follow is a round of events.
func (s *soak) follow(ctx context.Context, k *kind, rng *rand.Rand, r *round) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if !s.inStep {
		if err := s.catchUp(ctx); err != nil {
			return err
		}
	}
	if err := s.tell(ctx, k.events); err != nil {
		return err
	}
	before, err := s.look(ctx)
	if err != nil {
		return err
	}
	t := &turn{soak: s, rng: rng, company: before.company}
	if k.before != nil {
		if err := k.before(ctx, t); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := s.Drift(ctx, s.Share*(0.5+rng.Float64()), rng.Uint64()|1); err != nil {
		return err
	}
	if k.during != nil {
		if err := k.during(ctx, t); err != nil {
			return err
		}
	}
	lost, err := s.settled(ctx)
	if err != nil {
		return err
	}
	r.Status, r.Seconds = "followed", time.Since(began).Seconds()
	if err := s.Control(ctx, http.MethodDelete, "/faults?vendor="+s.Trial.Vendor, nil, nil); err != nil {
		return err
	}
	if err := s.Database.QueryRow(ctx, "SELECT count(*) FROM full_runs WHERE started_at > $1", began).Scan(
		&r.FullRuns); err != nil {
		return err
	}
	after, err := s.look(ctx)
	if err != nil {
		return err
	}
	s.inStep = lost == 0
	return s.judgeEvents(r, before, after)
}

// judgeEvents compares. Of groups and administrators providers tell but in part, and simulated ones not of
// managers, who follow from who leads the departments above.
func (s *soak) judgeEvents(r *round, before, after seen) error {
	if lost := oracle.Lost(after.company, before.directory, after.directory); len(lost) > 0 {
		return complaint(lost)
	}
	if r.Equal = s.inStep; !r.Equal {
		return nil
	}
	want := oracle.Of(s.kind, after.company, after.directory)
	want.Groups, want.Administrators = after.directory.Groups, after.directory.Administrators
	for id, m := range want.Members {
		m.Manager = after.directory.Members[id].Manager
		want.Members[id] = m
	}
	return complaint(oracle.Differences(want, after.directory))
}

// catchUp makes a full run, which must leave the directory as the company is.
func (s *soak) catchUp(ctx context.Context) error {
	run, err := s.Sync(ctx, nil)
	if err != nil {
		return err
	}
	out, err := s.result(ctx, run)
	if err != nil || out.Status != "succeeded" {
		return fmt.Errorf("the full run before ended %s: %s: %w", out.Status, strings.Join(out.Errors, "; "), err)
	}
	now, err := s.look(ctx)
	if err != nil {
		return err
	}
	return complaint(oracle.Differences(oracle.Of(s.kind, now.company, now.directory), now.directory))
}

// tell says how changes are told, once what was told before has arrived.
func (s *soak) tell(ctx context.Context, how telling) error {
	if how.Vendor = s.Trial.Vendor; how.Vendor == "feishu" {
		how.Pace = eventsPace
	}
	if !slices.Contains(streams, how.Vendor) {
		how.URL, how.Full = s.ServerURL()+"/events/"+loadtest.Provider, how.Vendor == "wecom"
		how.Odd, how.Cut = 0, 0
	}
	return every(ctx, time.Second, func() (bool, error) { // a connection may have to be opened yet
		return s.Control(ctx, http.MethodPost, "/events", how, nil) == nil, nil
	})
}

// streams are the vendors that tell of changes on connections.
var streams = []string{"feishu", "dingtalk"}

// silence ends what is told: rounds with a run of their own are to be as without events.
func (s *soak) silence(ctx context.Context) error {
	return s.Control(ctx, http.MethodDelete, "/events?vendor="+s.Trial.Vendor, nil, nil)
}

// settled waits until every message was acknowledged or is lost, and every event is done. It
// returns how many were lost: dropped on purpose, or told as often as the vendor tells.
func (s *soak) settled(ctx context.Context) (lost int, err error) {
	ctx, cancel := context.WithTimeout(ctx, eventsPatience)
	defer cancel()
	var told struct{ Messages, Acknowledged, Lost int }
	var waiting, aside int
	err = every(ctx, 100*time.Millisecond, func() (bool, error) {
		var all map[string]struct{ Messages, Acknowledged, Lost int }
		if err := s.Control(ctx, http.MethodGet, "/events?vendor="+s.Trial.Vendor, nil, &all); err != nil {
			return false, err
		}
		told = all[s.Trial.Vendor]
		err := s.Database.QueryRow(ctx, `SELECT count(*) FILTER (WHERE set_aside_at IS NULL),
				count(*) FILTER (WHERE set_aside_at IS NOT NULL)
			FROM provider_events WHERE done_at IS NULL`).Scan(&waiting, &aside)
		return err == nil && told.Messages == told.Acknowledged+told.Lost && waiting == 0, err
	})
	if err != nil {
		return 0, fmt.Errorf("not everything was followed: %+v, %d events wait: %w", told, waiting, err)
	}
	if aside > 0 {
		return 0, fmt.Errorf("%d events were set aside", aside)
	}
	return told.Lost, nil
}
