package directory_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Values by kind are found by their position, so the fields must be the kinds in their order.
func TestValuesByKindAreInTheOrderOfKinds(t *testing.T) {
	t.Parallel()
	kinds := directory.Kinds()
	for _, of := range []reflect.Type{reflect.TypeFor[directory.PerKind](), reflect.TypeFor[directory.Counts]()} {
		require.Equal(t, len(kinds), of.NumField(), of)
		for i, kind := range kinds {
			require.Equal(t, strings.ReplaceAll(kind.Plural, " ", "_"), of.Field(i).Tag.Get("json"), of)
		}
	}
	var n directory.PerKind
	for i, kind := range kinds {
		*n.Of(kind.Kind) = i + 1
	}
	require.Equal(t, len(kinds)*(len(kinds)+1)/2, directory.Sum(n))
}

func TestCountsTakeWhatTheKindHas(t *testing.T) {
	t.Parallel()
	var counts directory.Counts
	counts.Set(directory.KindMember, "deactivated", 3)
	counts.Set(directory.KindMembership, "updated", 3) // is not counted
	require.Equal(t, directory.Counts{Members: directory.MemberCounts{Deactivated: 3}}, counts)
	require.Equal(t, 3, counts.Get(directory.KindMember, "deactivated"))
	require.Zero(t, counts.Get(directory.KindMembership, "updated"))
}
