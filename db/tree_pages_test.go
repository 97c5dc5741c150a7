package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/pages"
)

// A page of the tree reads what it shows, also where Postgres knows that a department has 100,000 below it.
func TestAPageOfTheTreeReadsNoMoreThanItShows(t *testing.T) {
	t.Parallel()
	c, plans := explainedCompany(t)
	var top string
	require.NoError(t, c.pool.QueryRow(t.Context(), `INSERT INTO org_departments (provider_id, external_id, name)
		VALUES ($1, 'top', 'Top') RETURNING id`, c.provider.ID).Scan(&top))
	c.exec(t, `INSERT INTO org_departments (provider_id, external_id, parent_id, name)
		SELECT $1, 'd' || n, $2, 'Shop ' || n FROM generate_series(1, 100000) n`, c.provider.ID, top)
	c.exec(t, "ANALYZE org_departments")
	for range keptAfter + 1 {
		page, err := c.database.store.Pages.ListDepartments(t.Context(), c.provider.ID, top, pages.Department{}, 101)
		require.NoError(t, err)
		require.Len(t, page, 101)
		shown, _, err := c.database.store.Pages.GetDepartment(t.Context(), top)
		require.NoError(t, err)
		require.True(t, shown.HasChildren)
	}
	for _, query := range []string{"ListChildDepartmentPage", "GetDepartment"} {
		require.Len(t, plans.of(query), keptAfter+1, query)
		for _, plan := range plans.of(query) {
			require.Less(t, plan.handled(), 1000., query)
		}
	}
}
