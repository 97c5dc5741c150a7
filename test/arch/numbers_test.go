package arch

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two changes that were made beside each other may have taken the same number, by which
// no database could be migrated.
func TestMigrationsAreNumberedWithoutGaps(t *testing.T) {
	files, err := os.ReadDir("../../db/migrations")
	require.NoError(t, err)
	for i, file := range files {
		require.Regexp(t, fmt.Sprintf(`^%04d_[a-z_]+\.sql$`, i+1), file.Name())
	}
}

// A decision record is referred to by its number.
func TestDecisionRecordsHaveNumbersOfTheirOwn(t *testing.T) {
	files, err := os.ReadDir("../../docs/adr")
	require.NoError(t, err)
	names := map[string]string{}
	for _, file := range files {
		number, name := file.Name()[:4], file.Name()
		require.Empty(t, names[number], name)
		names[number] = name
	}
	require.Greater(t, len(names), 30)
}
