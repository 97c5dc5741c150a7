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
	must[any](b, b.pull.PullDepartments, RunRef{RunID: b.runID})
	sealed := must[SealedDepartments](b, b.pull.SealDepartments, SealDepartments{RunID: b.runID})
	require.Equal(t, [][2]string{{"0", short(long)}}, sealed.Slices)
	for size, want := range map[int][][2]string{
		2: {{"0", "1"}, {"2", "3"}, {"4", short(long)}}, 5: {{"0", "4"}, {short(long), short(long)}},
		1: {{"0", "0"}, {"1", "1"}, {"2", "2"}, {"3", "3"}, {"4", "4"}, {short(long), short(long)}},
	} {
		ends, err := b.pull.sliceEnds(t.Context(), b.runID, 6, size)
		require.NoError(t, err)
		require.Equal(t, want, ends, "slices of %d", size)
	}
	ends, err := b.pull.sliceEnds(t.Context(), b.runID, 2*namedSlices+1, 2)
	require.NoError(t, err)
	require.Empty(t, ends)
	all := must[DepartmentIDs](b, b.pull.DepartmentIDs, Range{RunID: b.runID, First: 2, Last: 6})
	require.Equal(t, []string{"1", "2", "3", "4", short(long)}, all.IDs)
}

func TestLongIDsAreCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	require.Equal(t, "od-1", short("od-1"))
	require.Equal(t, strings.Repeat("x", 64), short(strings.Repeat("x", 64)))
	cut := short(strings.Repeat("部", 40))
	require.True(t, utf8.ValidString(cut))
	require.Equal(t, strings.Repeat("部", 21)+"…", cut)
}
