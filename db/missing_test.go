package db_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Who is missing is found without going through everybody. Whatever comes, and whatever
// somebody else does to the rows, nobody whom no listing shows is passed over.
func TestWhoIsMissingIsFoundWithoutGoingThroughEverybody(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	disturbances := append([]string{
		"INSERT INTO org_members (provider_id, external_id) VALUES ($1, 'nowhere') ON CONFLICT DO NOTHING",
		"UPDATE org_member_departments md SET is_primary = false FROM org_members m WHERE m.id = md.member_id " +
			"AND m.external_id = 'p6' AND m.provider_id = $1",
		"UPDATE org_departments SET status = 'deleted' WHERE external_id = '3' AND provider_id = $1",
		`WITH other AS (INSERT INTO org_departments (external_id) VALUES ('elsewhere') RETURNING id)
			UPDATE org_member_departments md SET department_id = other.id FROM other, org_members m
			WHERE m.id = md.member_id AND m.external_id = 'p8' AND md.is_primary AND m.provider_id = $1`,
	}, disturbances...)
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 11))
			co := d.company(t, directory.Feishu)
			people := map[string]string{}
			missing := 0
			for round := range 12 {
				after := changed(rng, people)
				if rng.IntN(4) == 0 {
					after.departments = strings.ReplaceAll(after.departments, "; 4<2", "; 5<2")
				}
				disturb := disturbances[rng.IntN(len(disturbances))]
				d.exec(t, disturb, co.provider.ID)
				r := co.begin("apply")
				r.read(after)
				r.apply(false)
				plan := r.planRemovals()
				planned := d.texts(t, `SELECT m.external_id FROM sync_run_removals r
					JOIN org_members m ON m.id = r.object_id
					WHERE r.run_id = $1 AND r.object_type = 'member' ORDER BY 1`, r.id)
				if !plan.Incomplete {
					require.Equal(t, d.texts(t,
						`SELECT m.external_id FROM org_members m WHERE m.provider_id = $1 AND m.status <> 'deleted'
						AND NOT EXISTS (SELECT 1 FROM member_matches s WHERE s.run_id = $2 AND s.member_id = m.id)
						AND NOT EXISTS (SELECT 1 FROM unchanged_memberships v WHERE v.run_id = $2
						AND v.member_id = m.id) ORDER BY 1`,
						co.provider.ID, r.id), planned, "round %d: %s: %s: %s", round, disturb, after.departments,
						after.members)
					missing += len(planned)
				}
				if !after.skipRemovals {
					r.remove()
				}
				r.recompute()
				r.finish()
			}
			require.Positive(t, missing)
		})
	}
}
