package db_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
)

// The longest listings are begun first, no two of them in one batch.
func TestLongListingsAreBegunEarlyAndApart(t *testing.T) {
	const leaves, longest, next = 300, "d-200", "d-100"
	// order reads the tree, whose departments declare so many people, and returns their places.
	order := func(t *testing.T, c *company, rootListing string, declared map[string]int) map[string]int {
		r := c.begin("apply")
		root := db.StagedDepartment{Top: true, ChildrenVia: "top", MembersMethod: rootListing, MembersVia: "top"}
		root.ExternalID, root.DeclaredMembers = "top", new(int)
		all := []db.StagedDepartment{root}
		for n := 1; n <= leaves; n++ {
			d := root
			d.MembersMethod = "department"
			d.Top, d.ExternalID, d.ParentID = false, fmt.Sprintf("d-%d", n), "top"
			d.ChildrenVia, d.MembersVia, d.DeclaredMembers = "top", d.ExternalID, nil
			if declared != nil {
				people := declared[d.ExternalID] + 10
				d.DeclaredMembers = &people
				*root.DeclaredMembers += people
			}
			all = append(all, d)
		}
		require.NoError(t, c.store.StageRoots(t.Context(), r.id, all, 0))
		_, err := c.store.FinishDepartments(t.Context(), r.id, "")
		require.NoError(t, err)
		require.NoError(t, c.store.ApplyDepartments(t.Context(), r.id, false))
		places := map[string]int{}
		for _, d := range all {
			if places[d.ExternalID], err = c.store.GetPosition(t.Context(), r.id, d.ExternalID); err != nil {
				break
			}
		}
		require.NoError(t, err)
		r.finish()
		return places
	}
	each(t, map[string]func(*testing.T, *company){
		"as the provider declares": func(t *testing.T, c *company) {
			places := order(t, c, "department", map[string]int{longest: 30_000, next: 20_000})
			require.Equal(t, 1, places[longest], "before the root, which declares all those below it")
			require.Equal(t, 5, places[next], "301 departments make batches of 3")
		},
		"as they were last time": func(t *testing.T, c *company) {
			order(t, c, "department", nil)
			c.exec(t,
				"UPDATE org_departments SET direct_member_count = 7 WHERE external_id IN ($1, $2) AND provider_id = $3",
				longest, next, c.provider.ID)
			places := order(t, c, "department", nil)
			require.Equal(t, 1, places[next], "of two alike the first by id")
			require.Equal(t, 5, places[longest])
		},
		"people of everywhere last": func(t *testing.T, c *company) {
			places := order(t, c, "corp+department", map[string]int{longest: 30_000})
			require.Equal(t, 1, places[longest])
			require.Equal(t, leaves+1, places["top"])
		},
	})
}
