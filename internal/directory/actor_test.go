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
		require.True(t, directory.IsActor(long))
	}
	for actor, fits := range map[string]bool{
		"": true, "ann@host": true, "schedule orgsync/acme": true, "CORP\\单": true,
		strings.Repeat("x", 201): false, "a\nb": false, "a\xff": false, " ann": false,
	} {
		require.Equal(t, fits, directory.IsActor(actor), actor)
	}
}
