package db_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// randomCompany is a company of n people in a random tree; drift is how likely each
// object differs from the company of the same seed without drift.
func randomCompany(seed uint64, n int, drift float64) snapshot {
	base, change := rand.New(rand.NewPCG(seed, 0)), rand.New(rand.NewPCG(seed, 1))
	changed := func() bool { return change.Float64() < drift }
	departments, members := []string{"100 name=Root"}, []string{}
	for d := 101; d < 101+n/4; d++ {
		parent, name := 100+base.IntN(d-100), base.IntN(50)
		switch {
		case changed():
			continue // gone, and what was below it is an orphan
		case changed():
			parent = 100
		case changed():
			name += 50
		}
		departments = append(departments, fmt.Sprintf("%d<%d name=n%d", d, parent, name))
	}
	for p := range n {
		one, two, id := 100+base.IntN(n/4+1), 100+base.IntN(n/4+1), fmt.Sprint("p", p)
		unionid, title, status, email := fmt.Sprint("u", p), base.IntN(9), "active", fmt.Sprint(p, "@x")
		switch {
		case changed():
			continue
		case changed():
			one = two
		case changed():
			status = "inactive"
		case changed():
			title += 9
		case changed():
			id += "x"
		case changed():
			unionid += "x"
		}
		members = append(members, fmt.Sprintf("%s u=%s title=t%d status=%s email=%s in=%d^1,%d", id, unionid, title,
			status, email, one, two))
	}
	change.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return snapshot{departments: strings.Join(departments, ";"), members: strings.Join(members, ";")}
}

func TestADryRunTellsWhatApplyDoes(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := d.company(t, directory.Feishu)
			before, after := randomCompany(seed, 60, 0), randomCompany(seed, 60, 0.08)
			switch seed {
			case 2: // scopes that cannot be read
				after.departments = strings.Replace(after.departments, "<100 ", "<100 members=fail ", 1)
				after.departments = strings.Replace(after.departments, "name=Root", "name=Root children=fail", 1)
			case 3: // a first load
				before.members = ""
			}
			c.sync(before)
			d.exec(t, "TRUNCATE users, identities")
			c.accounts("A 1@x -", "B 2@x -", "C 3@x +8613800000001")

			untouched := c.versions()
			r := c.begin("plan")
			r.read(after)
			first := r.dryRun(true)
			require.Equal(t, untouched, c.versions(), "a dry run writes nothing")
			foretold, warned := r.changes(), r.problems()
			again := r.dryRun(true)
			require.Equal(t, first, again, "repeating it starts over")
			require.Equal(t, foretold, r.changes())
			require.NoError(t, d.store.FinishRun(t.Context(), r.id, directory.RunSucceeded, "", first.Counts, false))

			done := c.sync(after)
			require.NotEmpty(t, foretold)
			require.Equal(t, foretold, done.changes())
			require.Equal(t, first.Counts, done.counts)
			require.ElementsMatch(t, warned, done.problems())
		})
	}
}

func TestADryRunMayLeaveRemovalsOut(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "a in=1; b in=1"})
	r := c.begin("plan")
	r.read(snapshot{departments: "1", members: "a in=1; c in=1"})
	out := r.dryRun(false)
	require.Equal(t, []string{"member created c", "membership created c"}, r.changes())
	require.Zero(t, out.Counts.Members.Deleted)
	require.Equal(t, 1, out.Plan.Planned.Members, "but tells of them")
}

func TestAPlanRunAppliesNothing(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "a in=1; b in=1"})
	before := c.versions()
	r := c.begin("plan")
	r.read(snapshot{departments: "1; 2<1", members: "a in=2"})
	r.apply(false)
	require.Zero(t, r.planRemovals().Total())
	require.Zero(t, r.remove())
	r.recompute()
	require.Empty(t, r.changes())
	require.Equal(t, before, c.versions())
}

// That a department's children could not be read says nothing about its people, however
// often the dry run is repeated.
func TestARepeatedDryRunKeepsWhatWasRead(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "a in=1; b in=1"})
	r := c.begin("plan")
	r.read(snapshot{departments: "1 children=fail", members: "a in=1"})
	for range 2 {
		r.dryRun(true)
		require.Equal(t, []string{"member moved b", "membership deleted b"}, r.changes())
	}
}
