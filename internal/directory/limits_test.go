package directory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

func TestLimitIsTheLargerOfCountAndShare(t *testing.T) {
	t.Parallel()
	usual := directory.Limit{Count: 20, Percent: 5}
	for _, c := range []struct {
		limit       directory.Limit
		there, want int
	}{
		{usual, 0, 20}, {usual, 400, 20}, {usual, 419, 20}, {usual, 420, 21}, {usual, 100_000, 5000},
		{directory.Limit{}, 1000, 0}, {directory.Limit{Count: 3}, 1_000_000, 3}, {directory.Limit{Percent: 100}, 7, 7},
	} {
		require.Equal(t, c.want, c.limit.Of(c.there), c)
	}
}

func TestDefaultLimits(t *testing.T) {
	t.Parallel()
	guard := directory.DefaultGuard
	require.Equal(t, 10, guard.Members.Of(100))
	require.Equal(t, 100, guard.Members.Of(5000), "250 of 5,000 people do not go unasked")
	require.Equal(t, 3, guard.Departments.Of(20))
	require.Equal(t, 10, guard.Departments.Of(200))
	require.Equal(t, "the larger of 10 and 2 %", guard.Members.String())
}
