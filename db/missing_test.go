package db_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Who is missing is found, and who is there is counted, without going through everybody.
// Whatever comes, and whatever somebody else does to the rows, it comes to the same.
func TestWhoIsMissingIsFoundWithoutGoingThroughEverybody(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	disturbances := append([]string{
		"INSERT INTO org_members (provider_id, external_id) VALUES ($1, 'nowhere') ON CONFLICT DO NOTHING",
		"UPDATE org_member_departments md SET is_primary = false FROM org_members m WHERE m.id = md.member_id AND m.external_id = 'p6' AND m.provider_id = $1",
		"UPDATE org_departments SET status = 'deleted' WHERE external_id = '3' AND provider_id = $1",
		`WITH other AS (INSERT INTO org_departments (external_id) VALUES ('elsewhere') RETURNING id)
			UPDATE org_member_departments md SET department_id = other.id FROM other, org_members m WHERE m.id = md.member_id AND m.external_id = 'p8' AND md.is_primary AND m.provider_id = $1`,
	}, disturbances...)
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 11))
			thorough, quick := d.company(t, directory.Feishu), d.company(t, directory.Feishu)
			people := map[string]string{}
			missing, ways := 0, map[string]bool{}
			for round := range 12 {
				after := changed(rng, people)
				if rng.IntN(4) == 0 {
					after.departments = strings.ReplaceAll(after.departments, "; 4<2", "; 5<2")
				}
				disturb := disturbances[rng.IntN(len(disturbances))]
				var looks [][]string
				for _, co := range []*company{thorough, quick} {
					d.exec(t, disturb, co.provider.ID)
					r := co.begin("apply")
					r.read(after)
					if co == thorough {
						d.exec(t, "UPDATE sync_runs SET members_there = NULL WHERE id = $1", r.id)
					}
					r.apply(false)
					plan := r.planRemovals()
					if !after.skipRemovals {
						r.remove()
					}
					r.settle()
					r.finish()
					looks = append(looks, slices.Concat([]string{fmt.Sprintf("%+v", plan)}, co.people(), co.places(), r.changes(), r.problems()))
					missing += plan.Members
					ways[d.text(t, "SELECT coalesce((members_placed = members_there)::text, 'unknown') FROM sync_runs WHERE id = $1", r.id)] = true
				}
				require.Equal(t, looks[0], looks[1], "round %d: %s: %s: %s", round, disturb, after.departments, after.members)
			}
			require.Positive(t, missing)
			require.Equal(t, map[string]bool{"unknown": true, "true": true, "false": true}, ways)
		})
	}
}
