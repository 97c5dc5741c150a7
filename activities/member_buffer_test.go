package activities

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// Departments of one page share a transaction, up to some number of people; a long
// listing is written page by page. A transaction shows as the rows' xmin.
func TestSmallDepartmentsAreWrittenTogether(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t)
	store, err := db.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })

	c := departments(6)
	for d := range 5 { // "1" to "5" have one page, "6" has two
		id := fmt.Sprint(d + 1)
		c.people[id] = [][]directory.Member{{member(id, "a"), member(id, "b")}}
	}
	var crowd []directory.Member
	for i := range maxBufferedMembers {
		crowd = append(crowd, member("3", fmt.Sprint(i)))
	}
	c.people["3"] = [][]directory.Member{crowd}
	b := newBench(t, store, c, c)
	require.Equal(t, ReadMembersResult{Read: 7, People: 510}, must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()))
	rows, err := conn.Query(t.Context(),
		"SELECT string_agg(DISTINCT listing || '/' || page, ' ') FROM staged_members WHERE run_id = $1 "+
			"GROUP BY xmin::text::bigint ORDER BY xmin::text::bigint", b.runID)
	require.NoError(t, err)
	transactions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"1/0 2/0 3/0", "4/0 5/0 6/0", "6/1"}, transactions)
}

// What was read before the provider throttles is written, and is not read again.
func TestWhatIsKeptBackIsWrittenWhenTheBatchStops(t *testing.T) {
	t.Parallel()
	c := departments(3)
	for _, id := range []string{"1", "2", "3"} {
		c.people[id] = [][]directory.Member{{member(id, "a")}}
	}
	c.memberPage = strike(ofCall(provider.RateLimited),
		func(q provider.Query, nth int) bool { return q.Department == "3" && nth == 1 })
	b := newBench(t, database(t), c, c)
	all := b.tree()
	b.fails(b.pull.ReadMembers, all)
	require.Equal(t, 1, b.completeness()["2"].MembersRead)
	require.True(t, b.completeness()["2"].MembersComplete)
	require.Equal(t, ReadMembersResult{Read: 1, People: 3}, must[ReadMembersResult](b, b.pull.ReadMembers, all))
	require.Equal(t, 1, c.count("members 2"))
}
