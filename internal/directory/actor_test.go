package directory_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

func TestWhoIsBounded(t *testing.T) {
	t.Parallel()
	require.Equal(t, "schedule orgsync/acme", directory.BySchedule("orgsync/acme"))
	require.Equal(t, "ann@host", directory.Actor(" ann@host\xff "))
	for n := 190; n < 210; n++ {
		long := directory.Actor(strings.Repeat("x", n) + strings.Repeat("单", 10))
		require.LessOrEqual(t, len(long), 200)
		require.Empty(t, directory.ActorProblem("started_by", long))
	}
	for actor, want := range map[string]string{
		"": "", "ann@host": "", "schedule orgsync/acme": "", "CORP\\单": "",
		strings.Repeat("x", 201): "started_by has 201 bytes; give a login name of at most 200",
		"a\nb":                   "started_by holds what cannot be printed", "a\xff": "cannot be printed",
		" ann": "blanks at its ends",
	} {
		got := directory.ActorProblem("started_by", actor)
		if want == "" {
			require.Empty(t, got, actor)
		}
		require.Contains(t, got, want, actor)
	}
}
