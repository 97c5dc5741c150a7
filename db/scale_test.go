package db_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/directory"
)

// many is a company in tables whose statistics know nothing of it: no statement reads
// more rows than what it is about gives reason to.
type many struct {
	people, departments int
	// largest is how many of the people work in the first department.
	largest int
	// before is what happened to the tables and to the connection before the run.
	before func(many, *company)
}

// unmarkedEvery says of which people it is not marked which department is theirs.
const unmarkedEvery = 50

// batchOfMany is how many departments are applied at once.
const batchOfMany = 50

// plans collects what Postgres tells of the statements it carried out.
type plans struct {
	mu   sync.Mutex
	seen map[string][]planNode
}

// planNode is a part of a plan with what it really did.
type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Rows     float64    `json:"Actual Rows"`
	Loops    float64    `json:"Actual Loops"`
	Filtered float64    `json:"Rows Removed by Filter"`
	Joined   float64    `json:"Rows Removed by Join Filter"`
	Parts    []planNode `json:"Plans"`
}

// handled is how many rows the part and those below it passed on or threw away.
func (n planNode) handled() float64 {
	sum := (n.Rows + n.Filtered + n.Joined) * max(1, n.Loops)
	for _, part := range n.Parts {
		sum += part.handled()
	}
	return sum
}

// merges reports whether the part or one below it joins by sorting both sides. It may
// go by one of several keys, and then compares everybody in a department with everybody.
func (n planNode) merges() bool {
	return n.Type == "Merge Join" || slices.ContainsFunc(n.Parts, planNode.merges)
}

var nameOfQuery = regexp.MustCompile(`-- name: (\w+)`)

// note takes a line that auto_explain logged.
func (p *plans) note(_ *pgconn.PgConn, notice *pgconn.Notice) {
	_, body, found := strings.Cut(notice.Message, "plan:\n")
	if !found {
		return
	}
	var told struct {
		Query string   `json:"Query Text"`
		Plan  planNode `json:"Plan"`
	}
	if json.Unmarshal([]byte(body), &told) != nil {
		return
	}
	name := nameOfQuery.FindStringSubmatch(told.Query)
	if name == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[name[1]] = append(p.seen[name[1]], told.Plan)
}

// of are the plans of a query.
func (p *plans) of(query string) []planNode {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[query]
}

// forget drops what was told so far.
func (p *plans) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.seen)
}

// explainedCompany is one in a database of its own, whose store tells the plans of its
// statements.
func explainedCompany(t *testing.T) (*company, *plans) {
	t.Helper()
	url := dbtest.New(t)
	store, p := openExplained(t, url)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return (&database{store: store, pool: pool}).company(t, directory.Feishu), p
}

// openExplained opens a store on one connection that tells the plans of its statements.
func openExplained(t *testing.T, url string) (*db.Store, *plans) {
	t.Helper()
	p := &plans{seen: map[string][]planNode{}}
	store, err := db.Open(t.Context(), url, db.Connections(1), func(c *pgxpool.Config) {
		c.ConnConfig.OnNotice = p.note
		c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx,
				`LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on;
				SET auto_explain.log_timing = off; SET auto_explain.log_format = json; SET client_min_messages = log`,
				pgx.QueryExecModeSimpleProtocol)
			return err
		}
	})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store, p
}

func TestStatementsReadNoMoreThanTheyAreAbout(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]many{
		"never analysed, a third in one department": {people: 30_000, departments: 3_000,
			largest: 9_000, before: many.fill},
		"analysed and prepared when empty": {people: 10_000, departments: 1_000,
			before: many.fillAfterNothing},
		"analysed in the middle of another run, most in one department": {people: 10_000, departments: 1_000,
			largest: 6_000, before: many.fillInAnotherRun},
		"analysed when all was another company's": {people: 10_000, departments: 1_000, before: many.fillBesideAnother},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m.run(t)
		})
	}
}

// keptAfter is how often Postgres plans a prepared statement anew before it may keep a plan.
const keptAfter = 6

// fillAfterNothing fills tables that were analysed while they were empty, over a
// connection whose kept plans were made then.
func (m many) fillAfterNothing(c *company) {
	other := c.database.company(c.t, directory.Feishu)
	for range keptAfter {
		other.sync(snapshot{departments: "top"})
		c.exec(c.t, "DELETE FROM sync_run_departments")
		c.exec(c.t, "DELETE FROM org_departments")
		c.exec(c.t, "VACUUM ANALYZE")
	}
	m.fill(c)
}

// fillInAnotherRun leaves statistics by which every row belongs to a run that is over.
func (m many) fillInAnotherRun(c *company) {
	m.fill(c)
	other := c.begin("apply")
	m.stage(other)
	c.exec(c.t, "ANALYZE")
	other.finish()
}

func (m many) run(t *testing.T) {
	c, p := explainedCompany(t)
	store := c.store
	// A directory that stays as it is, and a run that begins with it.
	m.before(m, c)
	p.forget()
	r := c.begin("apply")
	m.stage(r)
	ctx := t.Context()
	require.NoError(t, store.ApplyDepartments(ctx, r.id, false))
	for first := 1; first <= 10*batchOfMany; first += batchOfMany {
		require.NoError(t, store.ApplyMembers(ctx, r.id, first, first+batchOfMany-1))
		departments := c.texts(t,
			"SELECT external_id FROM sync_run_departments WHERE run_id = $1 AND position BETWEEN $2 AND $3", r.id,
			first, first+batchOfMany-1)
		_, err := store.GetMemberFigures(ctx, r.id, c.provider.ID, departments)
		require.NoError(t, err)
	}
	// The other batches are like these; their people are noted at once.
	c.exec(t, `INSERT INTO member_matches (run_id, member_key, member_id, unionid) SELECT $1, external_id, id, unionid
		FROM org_members
		WHERE provider_id = $2 ON CONFLICT DO NOTHING`, r.id, c.provider.ID)
	plan, err := store.PlanRemovals(ctx, r.id, db.Visibility{})
	require.NoError(t, err)
	require.Zero(t, plan.Total())
	require.Equal(t, m.people, plan.Active.Members)
	r.recompute()
	r.finish()
	require.Equal(t, m.people, r.counts.Members.Unchanged)
	require.Empty(t, r.changes(), "only paths and head counts, which the company came without, were written")

	// The next run finds those remembered whose batches were applied.
	remembered := c.texts(t, "SELECT count(*)::text FROM listing_cache")
	again := c.begin("apply")
	c.exec(t,
		"INSERT INTO staged_departments SELECT $1, external_id, NULL, name, 0, NULL, NULL, '{}' "+
			"FROM org_departments WHERE provider_id = $2", again.id, c.provider.ID)
	c.exec(t, `INSERT INTO sync_run_departments (run_id, external_id, children_complete, children_method,
		children_via, members_method, members_via)
		SELECT $1, external_id, true, '', 'd1', 'department', external_id FROM staged_departments
		WHERE run_id = $1`, again.id)
	for batch := range slices.Chunk(c.texts(t,
		"SELECT external_id FROM org_departments WHERE provider_id = $1 ORDER BY 1 LIMIT $2", c.provider.ID,
		keptAfter*batchOfMany), batchOfMany) {
		require.NoError(t, store.RecallListings(ctx, again.id, batch))
	}
	_, err = store.FinishDepartments(ctx, again.id, "")
	require.NoError(t, err)
	require.NotEqual(t, []string{"0"}, remembered)
	require.Equal(t, remembered,
		c.texts(t, "SELECT count(members_cached_hash)::text FROM sync_run_departments WHERE run_id = $1", again.id))
	m.stageAgain(again)

	perBatch, all, tree := float64(batchOfMany*m.people/m.departments), float64(m.people), float64(m.departments)
	for name, most := range map[string]float64{
		"MatchMembers": 40 * perBatch, "CompareMembers": 40 * perBatch, "GetMemberFigures": 20 * perBatch,
		"CacheListings": 40 * perBatch, "AdvanceMembers": 20 * batchOfMany, "FinishTree": 20 * tree,
		"RecallListings": 20 * all, "RecallListingsOf": 40 * perBatch,
		"OrderDepartments": 40 * tree, "ExcludeBelowExcluded": 20 * tree, "ExcludeStoredBelowExcluded": 20 * tree,
		"MarkUnapplied": 20 * all,
		"RepairOrphans": 20 * tree, "RepairCycles": 20 * tree, "InsertDepartments": 20 * tree,
		"UpdateDepartments": 20 * tree, "RecomputePaths": 20 * tree,
		"ListCountMismatches": 20 * all, "PlanMembershipRemovals": 20 * all, "PlanMemberRemovals": 20 * all,
		"PlanDepartmentRemovals": 20 * all, "GetCompleteness": 20 * all, "CountMembersWithoutPlace": 20 * all,
		"GetRemovalFigures": 20 * all, "CountReadMembers": 20 * all, "CountRead": 20 * all,
		"ClearPrimary": 20 * all / unmarkedEvery, "MarkPrimary": 20 * all / unmarkedEvery,
		"RecomputePrimaryDepartments": 25 * all, "RecomputeHeadcounts": 20 * all,
		"LinkMatches": 20 * all, "StoreConflicts": 20 * all, "ListMalformedKeys": 20 * all,
		"ListOtherAccounts": 20 * all,
	} {
		seen := p.of(name)
		require.NotEmpty(t, seen, name)
		slices.SortFunc(seen, func(a, b planNode) int { return cmp.Compare(b.handled(), a.handled()) })
		for i, one := range seen {
			require.False(t, one.merges(), "%s: %+v", name, one)
			if i < 2 { // in both runs one batch has the largest department
				require.Less(t, one.handled(), most+float64(40*m.largest), "%s: %+v", name, one)
				continue
			}
			require.Less(t, one.handled(), most, "%s: %+v", name, one)
		}
	}
}

// stageAgain reads the batches that are remembered once more: all of the first half of
// their departments is as it was, of the others one person less is listed.
func (m many) stageAgain(r *run) {
	r.t.Helper()
	ctx := r.t.Context()
	known := r.c.texts(r.t,
		"SELECT external_id FROM sync_run_departments WHERE run_id = $1 AND members_cached_hash IS NOT NULL "+
			"ORDER BY position", r.id)
	whole, others := 0, 0
	for batch := range slices.Chunk(known, batchOfMany) {
		var pages []db.MemberPage
		for i, department := range batch {
			page := db.MemberPage{Page: db.Page{RunID: r.id, Listing: department}, Hashed: true}
			for _, id := range r.c.texts(r.t,
				"SELECT m.external_id FROM org_members m JOIN org_departments d ON d.id = m.department_id "+
					"WHERE d.external_id = $1 AND d.provider_id = $2 ORDER BY 1",
				department, r.c.provider.ID) {
				n, err := strconv.Atoi(id[1:])
				require.NoError(r.t, err)
				person := db.StagedMember{Member: directory.Member{ExternalID: id,
					Memberships: []directory.Membership{{DepartmentID: department}}}, Key: id}
				binary.BigEndian.PutUint64(person.Hash[8:], uint64(n))
				page.People = append(page.People, person)
			}
			if i < len(batch)/2 {
				whole++
			} else {
				page.People = page.People[1:]
				others += len(page.People)
			}
			pages = append(pages, page)
		}
		_, err := r.c.store.StageMembers(ctx, pages...)
		require.NoError(r.t, err)
		_, err = r.c.store.GetMemberFigures(ctx, r.id, r.c.provider.ID, batch)
		require.NoError(r.t, err)
		ended := make([]db.FinishedListing, 0, len(batch))
		for _, department := range batch[len(batch)/2:] {
			ended = append(ended, db.FinishedListing{Department: department})
		}
		require.NoError(r.t, r.c.store.FinishMembers(ctx, r.id, ended...))
	}
	require.Equal(r.t, []string{fmt.Sprint(whole)},
		r.c.texts(r.t, "SELECT count(*)::text FROM sync_run_departments WHERE run_id = $1 AND members_unchanged", r.id))
	require.Equal(r.t, []string{fmt.Sprint(others)},
		r.c.texts(r.t, "SELECT count(*)::text FROM staged_members WHERE run_id = $1", r.id))
	for _, place := range r.c.texts(r.t,
		"SELECT position::text FROM sync_run_departments WHERE run_id = $1 AND members_cached_hash IS NOT NULL "+
			"AND NOT members_unchanged", r.id) {
		position, err := strconv.Atoi(place)
		require.NoError(r.t, err)
		require.NoError(r.t, r.c.store.ApplyMembers(ctx, r.id, position, position))
	}
	plan, err := r.c.store.PlanRemovals(ctx, r.id, db.Visibility{})
	require.NoError(r.t, err)
	require.Equal(r.t, len(known)-whole, plan.Planned.Memberships)
	r.finish()
}

// fillBesideAnother leaves statistics by which every row belongs to another company.
func (m many) fillBesideAnother(c *company) {
	m.fillInAnotherRun(c.database.company(c.t, directory.Feishu))
	m.fill(c)
}

// fill writes the company into the directory.
func (m many) fill(c *company) {
	c.t.Helper()
	// The first people work in the first department, the others everywhere.
	place := fmt.Sprintf("CASE WHEN n <= %d THEN 1 ELSE 1 + n %% %d END", m.largest, m.departments)
	for _, statement := range []string{
		`INSERT INTO org_departments (id, provider_id, tenant_id, external_id, name, raw_data)
			SELECT
			md5('` + c.provider.ID + `d' || n)::uuid, $1, $2, 'd' || n, 'd' || n, '{}' FROM generate_series(1, ` +
			fmt.Sprint(m.departments) + `) n`,
		`UPDATE org_departments d SET parent_id = p.id FROM org_departments p WHERE d.provider_id = $1
			AND d.tenant_id = $2 AND p.provider_id = $1
			AND p.external_id = 'd' || ((substr(d.external_id, 2)::int - 2) / 10 + 1) AND d.external_id <> 'd1'`,
		`INSERT INTO org_members (id, provider_id, tenant_id, external_id, unionid, name, name_translit_full,
			name_translit_initial, email, phone, department_id)
			SELECT
			md5('` + c.provider.ID +
			`p' || n)::uuid, $1, $2, 'p' || n, 'u' || n, 'p' || n, 'p', 'p', 'p' || n || '@example.com', '+8613' || n, md5('` + c.provider.ID + `d' || ` + place + `)::uuid
			FROM generate_series(1, ` + fmt.Sprint(m.people) + `) n`,
		`INSERT INTO org_member_departments (member_id, department_id, is_primary)
			SELECT id, department_id, substr(external_id, 2)::int %
			` + fmt.Sprint(unmarkedEvery) + ` > 0 FROM org_members WHERE provider_id = $1 AND tenant_id = $2`,
		// Without an account in the tenant there is nothing to link.
		`INSERT INTO users (tenant_id) SELECT $2 WHERE $1::uuid IS NOT NULL`,
	} {
		c.exec(c.t, statement, c.provider.ID, c.provider.TenantID)
	}
}

// stage writes the company as the run's snapshot.
func (m many) stage(r *run) {
	r.t.Helper()
	for _, statement := range []string{
		`INSERT INTO staged_departments (run_id, external_id, parent_external_id, name, declared_members, raw)
			SELECT $1, 'd' || n, CASE WHEN n > 1 THEN 'd' || ((n - 2) / 10 + 1) END, 'd' || n, 1, '{}'
			FROM generate_series(1, ` + fmt.Sprint(m.departments) + `) n
			WHERE $2::uuid IS NOT NULL`,
		`INSERT INTO sync_run_departments (run_id, external_id, position, children_complete, members_complete,
			children_method, children_via, members_method, members_via)
			SELECT $1, 'd' || n, n, true, true, '', 'd1', 'department', 'd' || n
			FROM generate_series(1, ` + fmt.Sprint(m.departments) + `) n WHERE $2::uuid IS NOT NULL`,
		`INSERT INTO staged_members (run_id, listing, page, n, department_external_id, member_key, external_id,
			external_is_fallback, unionid, fields, raw)
			SELECT $1, d.external_id, 0, substr(m.external_id, 2)::int, d.external_id, m.external_id, m.external_id,
			false, m.unionid,
				jsonb_build_object('name', m.name, 'name_translit_full', 'p', 'name_translit_initial', 'p', 'email',
				m.email, 'phone', m.phone), '{}'
			FROM org_members m JOIN org_departments d ON d.id = m.department_id WHERE m.provider_id = $2`,
		`UPDATE sync_run_departments l SET members_hash = coalesce((SELECT sum(s.n) FROM staged_members s
			WHERE s.run_id = $1 AND s.listing = l.external_id), 0)
			WHERE run_id = $1 AND $2::uuid IS NOT NULL`,
	} {
		r.c.exec(r.t, statement, r.id, r.c.provider.ID)
	}
}
