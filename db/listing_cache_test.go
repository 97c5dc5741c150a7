package db_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// Somebody else may write into a row between the reading of the departments and the end
// of the run: a listing that has changed is compared with what is stored then.
func TestWhatIsWrittenMeanwhileIsCorrected(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "ann in=1; bob in=1"})
	joined := snapshot{departments: "1", members: "ann in=1; bob in=1; cid in=1"}
	r := c.begin("apply")
	r.read(joined)
	c.exec(t, "UPDATE org_members SET name = 'x' WHERE external_id = 'ann'")
	r.apply(false)
	require.Zero(t, r.planRemovals().Total())
	r.finish()
	require.Equal(t, "Nann", c.member("name", "ann"))
	require.Equal(t, []string{"1"}, unchanged(c.sync(joined)))
}

// Where a listing shifted while it was read, or somebody's record changed, a person is
// listed several times. Which of the records was applied is not to be guessed later.
func TestSomebodyListedTwiceIsNotRemembered(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	once := snapshot{departments: "1", members: "ann title=x in=1; bob in=1"}
	for _, more := range []string{"; ann title=y in=1", "; ann title=y in=1; ann title=z in=1"} {
		several := snapshot{departments: "1", members: once.members + more}
		c.sync(once)
		require.Empty(t, c.sync(several).unchanged)
		require.Empty(t, c.sync(several).unchanged, "the second time, too")
		require.NotEqual(t, "x", c.member("title", "ann"), "the last one counts")
		require.Empty(t, c.sync(once).unchanged)
		require.Equal(t, "x", c.member("title", "ann"))
		require.Equal(t, []string{"1"}, unchanged(c.sync(once)))
	}

	again := snapshot{departments: "1", members: "ann in=1; bob in=1; ann in=1; cid in=1"}
	require.Equal(t, 3, c.sync(again).counts.Members.Read)
	require.Empty(t, c.sync(again).unchanged, "nor in the same words")
}

// A page that is read again replaces itself, and a listing begun anew drops it.
func TestPagesReadAgainReplaceThemselves(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "ann in=1; bob in=1; cid in=1; dan in=1"})
	r := c.begin("apply")
	r.read(snapshot{departments: "1 members=open"})
	staged := func() string {
		return c.text(t,
			"SELECT coalesce(string_agg(member_key, ' ' ORDER BY member_key), '') FROM staged_members "+
				"WHERE run_id = $1", r.id)
	}
	require.NoError(t, c.store.RestartMembers(t.Context(), r.id, "1"))
	r.page(0, "more", "ann in=1; bob in=1")
	r.page(1, "more", "cid in=1; eve in=1")
	r.page(0, "more", "ann in=1; fay in=1")
	require.Equal(t, "ann cid eve fay", staged())
	figures, err := c.store.GetMemberFigures(t.Context(), r.id, c.provider.ID, []string{"1"})
	require.NoError(t, err)
	require.Equal(t, db.Figures{Read: 4, Stored: 4, Leaf: true}, figures["1"])

	require.NoError(t, c.store.RestartMembers(t.Context(), r.id, "1"))
	require.Empty(t, staged())
}

// A listing that says of somebody that they have left shows no fewer than before.
func TestWhoIsListedAsLeftIsListed(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.WeCom)
	c.sync(snapshot{departments: "1", members: "ann in=1; bob in=1"})
	r := c.begin("apply")
	r.read(snapshot{departments: "1 members=open"})
	require.NoError(t, c.store.RestartMembers(t.Context(), r.id, "1"))
	require.Empty(t, r.page(0, "", "ann in=1; bob in=1 status=deleted").Figures)
	figures, err := c.store.GetMemberFigures(t.Context(), r.id, c.provider.ID, []string{"1"})
	require.NoError(t, err)
	require.Equal(t, db.Figures{Read: 2, Stored: 2, Leaf: true}, figures["1"])
	require.Equal(t, 1, c.sync(snapshot{departments: "1", members: "ann in=1; bob in=1 status=deleted"}).
		counts.Members.Deleted)
}

// FindMembers of an unchanged listing count as read: for the provider's own figures as well
// as for who is missing.
func TestRecognisedPeopleCountAsRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, departments string
		missing           int
	}{
		{name: "the count is met", departments: "1; 10<1 declared=3; 11<10", missing: 1},
		{name: "the count says that somebody is missing", departments: "1; 10<1 declared=4; 11<10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := newDatabase(t).company(t, directory.Feishu)
			co.sync(snapshot{departments: "1; 10<1 declared=4; 11<10",
				members: "ann in=10; bob in=10; cid in=10; dan in=11"})
			r := co.begin("apply")
			r.read(snapshot{departments: c.departments, members: "ann in=10; bob title=x in=10; dan in=11"})
			require.Equal(t, []string{"1", "11"}, unchanged(r))
			r.apply(false)
			require.Equal(t, c.missing, r.planRemovals().Planned.Members)
		})
	}
}

// Whatever comes, and whatever somebody else does to the rows, a directory is the same
// with and without what is remembered.
func TestRememberingChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 7))
			remembering, forgetful := d.company(t, directory.Feishu), d.company(t, directory.Feishu)
			people := map[string]string{}
			saved := 0
			for round := range 8 {
				after := changed(rng, people)
				disturb := disturbances[rng.IntN(len(disturbances))]
				var looks [][]string
				for _, co := range []*company{forgetful, remembering} {
					d.exec(t, disturb, co.provider.ID)
					r := co.sync(after)
					titles := co.texts(t,
						"SELECT concat_ws(' ', external_id, title) FROM org_members WHERE provider_id = $1 ORDER BY 1",
						co.provider.ID)
					looks = append(looks, slices.Concat(co.people(), co.places(), co.heads(), titles, r.changes(),
						r.problems()))
					if co == remembering {
						saved += len(r.unchanged)
						continue
					}
					d.exec(t,
						"DELETE FROM listing_cache USING org_departments d WHERE d.id = department_id "+
							"AND d.provider_id = $1", co.provider.ID)
				}
				require.Equal(t, looks[0], looks[1], "round %d: %s: %s: %s", round, disturb, after.departments,
					after.members)
			}
			require.Positive(t, saved)
		})
	}
}

// disturbances are what somebody else may do to the rows.
var disturbances = []string{
	"SELECT $1::uuid", "SELECT $1::uuid", "SELECT $1::uuid",
	"UPDATE org_members SET title = 'x' WHERE external_id IN ('p1', 'p5') AND provider_id = $1",
	"UPDATE org_members SET status = 'deleted' WHERE external_id = 'p2' AND provider_id = $1",
	"DELETE FROM org_member_departments USING org_members m WHERE m.id = member_id " +
		"AND m.external_id IN ('p3', 'p7') AND m.provider_id = $1",
	`INSERT INTO org_member_departments (member_id, department_id) SELECT m.id, d.id
		FROM org_members m, org_departments d
		WHERE m.external_id = 'p4' AND d.external_id = '3' AND m.provider_id = d.provider_id AND m.provider_id = $1
		ON CONFLICT DO NOTHING`,
}

// changed changes some people and returns the company as it is read then: now and then
// not to the end, with removals that are not carried out, or of somebody still there.
func changed(rng *rand.Rand, people map[string]string) snapshot {
	for range 1 + rng.IntN(4) {
		id := fmt.Sprintf("p%d", rng.IntN(14))
		if rng.IntN(5) == 0 {
			delete(people, id)
			continue
		}
		places := []string{fmt.Sprint(1 + rng.IntN(4))}
		if rng.IntN(3) == 0 {
			places = append(places, fmt.Sprint(1+rng.IntN(4)))
		}
		slices.Sort(places)
		people[id] = fmt.Sprintf("%s title=t%d in=%s", id, rng.IntN(3), strings.Join(slices.Compact(places), ","))
	}
	var members []string
	for i := range 14 {
		if line, ok := people[fmt.Sprintf("p%d", i)]; ok {
			members = append(members, line)
		}
	}
	departments := []string{"1", "2<1", "3<1", "4<2"}
	if i := rng.IntN(12); i < len(departments) {
		departments[i] += []string{" members=fail", " members=open", " members=bad", " leaders=p1"}[rng.IntN(4)]
	}
	return snapshot{
		departments: strings.Join(departments, "; "), members: strings.Join(members, "; "),
		skipRemovals: rng.IntN(5) == 0,
		stay: []string{fmt.Sprintf("p%d", rng.IntN(14)), fmt.Sprintf("p%d", rng.IntN(14)),
			fmt.Sprintf("p%d", rng.IntN(14))},
	}
}
