package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// on renders a table on a terminal of so many columns.
func (t *Table) on(width int) string { return t.render(&Screen{Width: width}) }

func TestTableLeavesOutAndFolds(t *testing.T) {
	t.Parallel()
	full := NewTable("id", "provider", "note", "due").Drop("due", "id").Fold("note")
	full.AppendRow([]any{"4f1c6f6e", "acme", "moving departments of the north", "2026-01-02"})
	full.AppendRow([]any{"0000aaaa", "globex", "", "never"})
	require.Equal(t, `ID        PROVIDER  NOTE                             DUE
4f1c6f6e  acme      moving departments of the north  2026-01-02
0000aaaa  globex                                     never
`, full.on(0))
	require.Equal(t, full.on(0), full.on(63))
	require.Equal(t, `ID        PROVIDER  NOTE                   DUE
4f1c6f6e  acme      moving departments of  2026-01-02
                    the north
0000aaaa  globex                           never
`, full.on(53))
	require.Equal(t, `ID        PROVIDER  NOTE
4f1c6f6e  acme      moving departments
                    of the north
0000aaaa  globex
`, full.on(40))
	require.Equal(t, `PROVIDER  NOTE
acme      moving departments
          of the north
globex
`, full.on(30))
	// No word is ever broken.
	require.Contains(t, full.on(5), "departments\n")
}

// A Han character takes two columns, and is a word by itself.
func TestTableCountsWideCharactersTwice(t *testing.T) {
	t.Parallel()
	people := NewTable("name", "department", "phone")
	people.Fold("department")
	people.AppendRow([]any{"张三", "北京研发中心（平台组）", "+8613800138000"})
	people.AppendRow([]any{"Ann", "Sales", "-"})
	require.Equal(t, `NAME  DEPARTMENT              PHONE
张三  北京研发中心（平台组）  +8613800138000
Ann   Sales                   -
`, people.on(80))
	require.Equal(t, `NAME  DEPARTMENT    PHONE
张三  北京研发中心  +8613800138000
      （平台组）
Ann   Sales         -
`, people.on(34))
	for width := 32; width < 80; width++ {
		for _, line := range strings.Split(people.on(width), "\n") {
			require.LessOrEqual(t, Columns(line), width)
		}
	}
}

func TestFiguresAreFlushRight(t *testing.T) {
	t.Parallel()
	figures := NewTable("", "read")
	figures.RightAlign(2)
	figures.AppendRow([]any{"members", "1,234"})
	figures.AppendRow([]any{"departments", "7"})
	require.Equal(t, "              READ\nmembers      1,234\ndepartments      7\n", figures.on(80))
}

// Colour is for terminals, and for those who do not say NO_COLOR.
func TestColourIsSober(t *testing.T) {
	t.Parallel()
	runs := NewTable("status", "id")
	runs.AppendRow([]any{"succeeded", "1"})
	runs.AppendRow([]any{"running (members)", "2"})
	runs.AppendRow([]any{"failed", "3"})
	require.NotContains(t, runs.on(80), "\x1b")
	require.Equal(t, "\x1b[1mSTATUS\x1b[0m             \x1b[1mID\x1b[0m\n"+
		"\x1b[32msucceeded\x1b[0m          1\nrunning (members)  2\n\x1b[31mfailed\x1b[0m             3\n",
		runs.render(&Screen{Width: 80, colour: true}))
	for env, want := range map[string]int{"": 0, "80": 80, "wide": 0, "-1": 0} {
		s := NewScreen(&bytes.Buffer{}, func(name string) string { return map[string]string{"COLUMNS": env}[name] })
		require.Equal(t, want, s.Width)
		require.False(t, s.colour)
		require.False(t, s.Terminal)
	}
}
