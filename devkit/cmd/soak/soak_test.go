package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/stack/stacktest"
	"github.com/orgsync/orgsync/internal/directory"
)

// A few runs on a real stack, of kinds that need no waiting: killed workers have tests
// of their own.
func TestSoak(t *testing.T) {
	t.Parallel()
	stacktest.Programs(t)
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{
		"--runs", "7", "--members", "150", "--share", "0.1", "--out", out,
		"--kinds", "canceled,passing faults,some people,plan,no permission",
	}, &stdout, &stderr)
	require.Zero(t, code, stderr.String())
	require.Contains(t, stdout.String(), "7 runs in a row")

	var kept report
	body, err := os.ReadFile(filepath.Join(out, "soak.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &kept))
	require.Len(t, kept.Rounds, 7)
	require.True(t, kept.Rounds[0].Equal)
	require.True(t, kept.Rounds[6].Equal)
	for _, m := range kept.Rounds {
		require.Positive(t, m.Measured.WorkerMB)
		require.Positive(t, m.Measured.Goroutines)
		require.Positive(t, m.Measured.Connections)
		require.Positive(t, m.Measured.rowBytes())
		require.Positive(t, m.Measured.LargestHistory)
	}
	require.FileExists(t, filepath.Join(out, "soak.md"))
}

func TestWhatIsWrongIsSeen(t *testing.T) {
	t.Parallel()
	company := simulator.Truth{
		Departments: map[string]simulator.TrueDepartment{"top": {Name: "Acme"}},
		Members: map[string]simulator.TrueMember{
			"ann": {Name: "Ann", Active: true, Departments: []string{"top"}, Main: "top"},
			"bob": {Name: "Bob", Active: true, Departments: []string{"top"}, Main: "top"},
		},
	}
	s := &soak{kind: directory.Feishu}
	whole := oracle.Of(s.kind, company, oracle.Directory{})
	without := oracle.Directory{Members: map[string]oracle.Member{"ann": whole.Members["ann"]},
		Departments: whole.Departments}
	left := simulator.Truth{Departments: company.Departments,
		Members: map[string]simulator.TrueMember{"ann": company.Members["ann"]}}
	for name, c := range map[string]struct {
		kind          kind
		status        string
		before, after seen
		wrong         string
	}{
		"all is well": {status: "succeeded", before: seen{company, without},
			after: seen{company, whole}},
		"somebody is missing": {status: "succeeded", before: seen{company, without},
			after: seen{company, without}, wrong: "member bob is missing"},
		"somebody may yet come": {status: "partial", before: seen{company, without},
			after: seen{company, without}},
		"somebody was removed": {status: "failed", before: seen{company, whole},
			after: seen{company, without}, wrong: "member bob still works there"},
		"somebody left and came back": {kind: kind{part: true}, status: "succeeded", before: seen{left, whole},
			after: seen{company, without}},
		"a part need not equal all": {kind: kind{part: true}, status: "succeeded", before: seen{company, without},
			after: seen{company, without}},
		"a plan wrote": {kind: kind{plan: true}, status: "succeeded", before: seen{company, without},
			after: seen{company, whole}, wrong: "member bob should not be there"},
		"a plan need not equal anybody": {kind: kind{plan: true}, status: "succeeded", before: seen{company, without},
			after: seen{company, without}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := s.verify(&c.kind, &round{Status: c.status}, c.before, c.after)
			if c.wrong == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.wrong)
			}
		})
	}
}

func TestGrowthIsSeen(t *testing.T) {
	t.Parallel()
	grow := func(runs int, by func(n int) measures) error {
		r := &report{}
		for n := range runs {
			r.Rounds = append(r.Rounds, round{Number: n + 1, Measured: by(n)})
		}
		r.end()
		return r.grown()
	}
	steady := measures{WorkerMB: 60, Goroutines: 70, Files: 25, Connections: 20, Rows: 1000, TableMB: 1, IndexMB: 1,
		StagingMB: 20, RecordMB: 10, LargestHistory: 300}
	require.NoError(t, grow(100, func(int) measures { return steady }))
	for name, change := range map[string]func(*measures, float64){
		"resident memory": func(m *measures, n float64) { m.WorkerMB += n },
		"goroutines":      func(m *measures, n float64) { m.Goroutines += n },
		"open files":      func(m *measures, n float64) { m.Files += n },
		"connections":     func(m *measures, n float64) { m.Connections += n },
		"row of the":      func(m *measures, n float64) { m.IndexMB += n / 10 },
		"staging":         func(m *measures, n float64) { m.StagingMB += n },
		"records":         func(m *measures, n float64) { m.RecordMB += n },
		"largest history": func(m *measures, n float64) { m.LargestHistory += 10 * n },
	} {
		err := grow(100, func(n int) measures {
			m := steady
			change(&m, float64(n))
			return m
		})
		require.ErrorContains(t, err, name)
		require.NoError(t, grow(2*tenths-1, func(n int) measures { return steady }), "too short to tell")
	}
	// A company that grows is no growth of its rows.
	require.NoError(t, grow(100, func(n int) measures {
		m := steady
		m.Rows, m.TableMB, m.IndexMB = m.Rows*float64(n+1), m.TableMB*float64(n+1), m.IndexMB*float64(n+1)
		return m
	}))
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--runs", "0"}, {"--members", "3"}, {"--share", "2"}, {"--kinds", "flooded"},
		{"--vendor", "ldap"}, {"more"}} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 2, run(t.Context(), args, &stdout, &stderr), args)
		require.NotEmpty(t, stderr.String())
	}
}

// The same seed chooses the same kinds, whatever happened in between, and all in time.
func TestChoice(t *testing.T) {
	t.Parallel()
	s := &soak{flags: flags{Runs: 200, Seed: 1}}
	var first, again []string
	chosen := map[string]bool{}
	for n := 1; n <= s.Runs; n++ {
		first, again = append(first, s.choose(n, s.chance(n)).name), append(again, s.choose(n, s.chance(n)).name)
		chosen[first[n-1]] = true
	}
	require.Equal(t, first, again)
	require.Len(t, chosen, len(kinds), "a kind that is never chosen")
	require.Equal(t, "healthy", first[0])
	require.Equal(t, "healthy", first[199])
}
