package db_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Two departments may have one path, and two people one address: the queries that the
// README recommends tell them apart.
func TestRecommendedQueriesGoByID(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{
		departments: `1 name=Acme; 42<1 name=Sales; 43 name=Acme/Sales; 44<42 name=D; 45<44 name=R/D; 46<42 name=D/R; 47<46 name=D
			48<42 name=R; 49<48 name=D/D; 50<43 name=D; 51<50 name=R/D`,
		members: `ann name=Zhang email=ann@example.com in=42,45^1; bob email=ann@example.com in=43; cid in=47; dan in=51; eve in=49`,
	})
	require.Equal(t, []string{"45 Acme/Sales/D/R/D", "47 Acme/Sales/D/R/D", "49 Acme/Sales/R/D/D",
		"51 Acme/Sales/D/R/D"},
		c.texts(t, `SELECT external_id || ' ' || path FROM org_departments
			WHERE external_id IN ('45', '47', '49', '51') AND provider_id = $1
			ORDER BY external_id`, c.provider.ID))

	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(text), "\n## What applications read\n")
	section, _, _ = strings.Cut(section, "\n## ")
	queries := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(section, -1)
	require.Len(t, queries, 3)
	answer := func(query string) []string {
		rows, err := c.pool.Query(t.Context(), strings.ReplaceAll(query, "'acme'", "'"+c.provider.Name+"'"))
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			values, err := row.Values()
			line := ""
			for _, value := range values {
				switch v := value.(type) {
				case string:
					line += v + " "
				case bool:
					line += map[bool]string{true: "yes ", false: "no "}[v]
				}
			}
			return strings.TrimSpace(line), err
		})
		require.NoError(t, err)
		return lines
	}
	below := answer(queries[0][1])
	slices.Sort(below)
	require.Equal(t, []string{"Ncid", "Neve", "Zhang"}, below, "everybody below 42, and nobody of 43")
	require.Equal(t, []string{"Acme/Sales/D/R/D yes no", "Acme/Sales no no"}, answer(queries[1][1]),
		"Ann's, and none of Bob's")
	require.Equal(t, []string{"Zhang Acme/Sales/D/R/D"}, answer(queries[2][1]))
}
