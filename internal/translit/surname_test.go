package translit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// An entry that repeats the dictionary would hide which readings are ours.
func TestTablesHoldOnlyWhatTheDictionaryGetsWrong(t *testing.T) {
	t.Parallel()
	for r, reading := range surnames {
		require.NotEqual(t, pinyinOf(r), reading, "surname %c", r)
	}
	for r, reading := range given {
		require.NotEqual(t, pinyinOf(r), reading, "given name %c", r)
	}
	for compound, readings := range compounds {
		runes := []rune(compound)
		require.Len(t, readings, len(runes), "compound %s", compound)
		differs := false
		for i, r := range runes {
			plain := pinyinOf(r)
			if s := surnames[r]; i == 0 && s != "" {
				plain = s
			}
			differs = differs || plain != readings[i]
		}
		require.True(t, differs, "compound %s", compound)
	}
}
