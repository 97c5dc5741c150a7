package activities

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestDepartmentsAreNamedInTheRunsOrder(t *testing.T) {
	t.Parallel()
	c := departments(5)
	long := strings.Repeat("部", 40)
	c.children["0"][0][4].ExternalID = long
	b := newBench(t, database(t), c, c)
	must[any](b, b.pull.ReadDepartments, RunInput{RunID: b.runID})
	sealed := must[FinishDepartmentsResult](b, b.pull.FinishDepartments, FinishDepartmentsInput{RunID: b.runID})
	require.Equal(t, [][2]string{{"0", shorten(long)}}, sealed.Shards)
	for size, want := range map[int][][2]string{
		2: {{"0", "1"}, {"2", "3"}, {"4", shorten(long)}}, 5: {{"0", "4"}, {shorten(long), shorten(long)}},
		1: {{"0", "0"}, {"1", "1"}, {"2", "2"}, {"3", "3"}, {"4", "4"}, {shorten(long), shorten(long)}},
	} {
		ends, err := b.pull.shardEnds(t.Context(), b.runID, 6, size)
		require.NoError(t, err)
		require.Equal(t, want, ends, "slices of %d", size)
	}
	ends, err := b.pull.shardEnds(t.Context(), b.runID, 2*maxNamedShards+1, 2)
	require.NoError(t, err)
	require.Empty(t, ends)
	all := must[DepartmentIDsResult](b, b.pull.DepartmentIDs, BatchInput{RunID: b.runID, First: 2, Last: 6})
	require.Equal(t, []string{"1", "2", "3", "4", shorten(long)}, all.IDs)
}

func TestLongIDsAreCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	require.Equal(t, "od-1", shorten("od-1"))
	require.Equal(t, strings.Repeat("x", 64), shorten(strings.Repeat("x", 64)))
	cut := shorten(strings.Repeat("部", 40))
	require.True(t, utf8.ValidString(cut))
	require.Equal(t, strings.Repeat("部", 21)+"…", cut)
}
