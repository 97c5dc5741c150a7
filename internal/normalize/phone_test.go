package normalize

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// The short cut must not know better than the parser.
func TestChineseMobilesReadAsTheParserReadsThem(t *testing.T) {
	t.Parallel()
	for prefix := 1300; prefix < 2000; prefix++ {
		s := fmt.Sprintf("%d1234567", prefix)
		require.True(t, chineseMobile(s), s)
		want, ok := e164(s)
		require.True(t, ok, s)
		require.Equal(t, want, Phone(s))
		international, ok := e164("+86" + s)
		require.True(t, ok, s)
		require.Equal(t, international, Phone("+86"+s))
	}
	for _, s := range []string{"", "1380000000", "138000000000", "12000000000", "23800000000", "1380000000x",
		"138０0000"} {
		require.False(t, chineseMobile(s), s)
	}
}
