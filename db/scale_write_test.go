package db_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// Of every ten people one is new, one changed, one came to a further place, and one has
// another rank in theirs: what writes them is about its batch alone, too.
func TestWritingReadsNoMoreThanItIsAbout(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(many, *company){
		"never analysed": many.fill,
		"analysed when another run's snapshot had just gone": many.fillAfterAnotherRun,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			many{people: 30_000, departments: 3_000, before: before}.write(t)
		})
	}
}

// fillAfterAnotherRun leaves statistics by which the snapshot's tables are empty, and
// yet large: nobody has vacuumed them.
func (m many) fillAfterAnotherRun(c *company) {
	m.fill(c)
	other := c.begin("apply")
	m.stage(other)
	other.finish()
	c.exec(c.t, "ANALYZE")
}

func (m many) write(t *testing.T) {
	c, p := explainedCompany(t)
	store := c.store
	m.before(m, c)
	r := c.begin("apply")
	m.stage(r)
	const tenth = "substr(m.external_id, 2)::int % 10 = "
	for _, statement := range []string{
		"DELETE FROM org_members m WHERE " + tenth + "1",
		"UPDATE org_members m SET title = 'another' WHERE " + tenth + "2",
		"DELETE FROM org_member_departments md USING org_members m WHERE m.id = md.member_id AND " + tenth + "3",
		"UPDATE org_member_departments md SET sort_order = 7 FROM org_members m WHERE m.id = md.member_id AND " +
			tenth + "4",
		"UPDATE staged_members m SET fields = fields || '{\"title\": null}', sort_order = 0",
	} {
		c.exec(t, statement)
	}
	p.forget()

	const batches, removedAtOnce, candidatesAtOnce = 5, 1000, 200
	for n := range batches {
		var ended []db.FinishedListing
		for i := range batchOfMany {
			ended = append(ended, db.FinishedListing{Department: fmt.Sprintf("d%d", 1+n*batchOfMany+i)})
		}
		require.NoError(t, store.FinishMembers(t.Context(), r.id, ended...))
		require.NoError(t, store.ApplyMembers(t.Context(), r.id, 1+n*batchOfMany, (1+n)*batchOfMany))
	}
	require.Equal(t, []string{"member created 250", "member updated 250", "membership created 500",
		"membership updated 250"},
		c.texts(t,
			"SELECT concat_ws(' ', object_type, kind, count(*)) FROM org_changes WHERE run_id = $1 "+
				"GROUP BY object_type, kind ORDER BY 1", r.id))
	c.exec(t, `INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id)
		SELECT $1, 'membership', member_id, department_id FROM org_member_departments`, r.id)
	for range 2 {
		removed, err := store.RemoveNext(t.Context(), r.id)
		require.NoError(t, err)
		require.Equal(t, removedAtOnce, removed)
	}
	c.exec(t,
		"INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id) SELECT $1, 'member', id, id "+
			"FROM org_members", r.id)
	c.exec(t,
		"INSERT INTO sync_run_lookups (run_id, object_type, object_id, unlisted) SELECT $1, 'member', id, true "+
			"FROM org_members", r.id)
	members, after := db.CandidateFilter{Type: "member", Missing: true}, ""
	for range 2 {
		candidates, err := store.ListCandidates(t.Context(), r.id, members, after, candidatesAtOnce)
		require.NoError(t, err)
		require.Len(t, candidates, candidatesAtOnce)
		results := map[string]db.LookupResult{}
		for i, d := range candidates {
			if results[d.ID] = db.LookupNotFound; i%2 == 0 {
				results[d.ID] = db.LookupExists
			}
		}
		require.NoError(t, store.RecordLookups(t.Context(), db.BeforeRemoving, r.id, "member", results))
		after = candidates[candidatesAtOnce-1].ID
	}
	_, err := store.ConfirmRemovals(t.Context(), r.id, db.Visibility{})
	require.NoError(t, err)
	lookups := candidatesAtOnce * m.departments / m.people
	for name, handled := range map[string]int{
		"FinishMembers": 1, "PlanDependentRemovals": m.departments,
		"TakeRemovals":      removedAtOnce * m.departments / m.people,
		"RemoveMemberships": removedAtOnce * m.departments / m.people, "MatchMembers": batchOfMany,
		"CompareMembers": batchOfMany, "InsertMembers": batchOfMany, "UpdateMembers": batchOfMany,
		"InsertMemberships": batchOfMany,
		"UpdateMemberships": batchOfMany, "CacheListings": batchOfMany,
		"ListLookups": lookups, "AnswerLookups": lookups,
	} {
		seen := p.of(name)
		require.NotEmpty(t, seen, name)
		for _, one := range seen {
			require.Less(t, one.handled(), float64(40*handled*m.people/m.departments), "%s: %+v", name, one)
		}
	}
}

// FindMembers are looked up by the ids that they have, not among all of the provider's, also where the directory was
// analysed while it was empty and there is no unionid.
func TestAFirstLoadAfterAnEmptyDirectoryWasAnalysed(t *testing.T) {
	t.Parallel()
	feishu, p := explainedCompany(t)
	m := many{people: 10_000, departments: 1_000}
	for _, kind := range []directory.ProviderType{directory.WeCom, directory.DingTalk} {
		c := feishu.database.company(t, kind)
		m.fill(c)
		r := c.begin("apply")
		m.stage(r)
		for _, statement := range []string{
			"UPDATE staged_members SET unionid = NULL", "DELETE FROM org_members",
			"VACUUM ANALYZE org_departments, org_members, org_member_departments, org_changes",
		} {
			c.exec(t, statement)
		}
		p.forget()
		for n := range 10 {
			var ended []db.FinishedListing
			for i := range batchOfMany {
				ended = append(ended, db.FinishedListing{Department: fmt.Sprintf("d%d", 1+n*batchOfMany+i)})
			}
			require.NoError(t, c.store.FinishMembers(t.Context(), r.id, ended...))
			require.NoError(t, c.store.ApplyMembers(t.Context(), r.id, 1+n*batchOfMany, (1+n)*batchOfMany))
		}
		for _, name := range []string{"MatchMembers", "InsertMembers"} {
			require.Len(t, p.of(name), 10)
			for n, one := range p.of(name) {
				require.Less(t, one.handled(), float64(40*batchOfMany*m.people/m.departments), "%s: %s %d: %+v", kind,
					name, n, one)
			}
		}
	}
}

// A tree is read page after page, while the completeness record grows from nothing: what notes a page
// must not read through it.
func TestReadingATreeReadsNoRecords(t *testing.T) {
	t.Parallel()
	c, p := explainedCompany(t)
	r := c.begin("apply")
	r.read(snapshot{departments: "1"})
	const pages, perPage = 20, 100
	for n := range pages {
		var found []string
		for i := range perPage {
			found = append(found, fmt.Sprintf("d%d<1", n*perPage+i))
		}
		var departments []db.StagedDepartment
		for _, d := range departmentsOf(strings.Join(found, ";")) {
			departments = append(departments, d.StagedDepartment)
		}
		require.NoError(t, c.store.StageDepartments(t.Context(),
			db.Page{RunID: r.id, Listing: "1", Number: n, Next: "more"}, departments))
	}
	seen := p.of("AdvanceChildren")
	require.Len(t, seen, pages)
	for _, one := range seen {
		require.Less(t, one.handled(), 20.0, "%+v", one)
	}
}
