package translit_test

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/translit"
)

// golden reads testdata/names.tsv: name, full, initials, separated by tabs.
func golden(t testing.TB) [][3]string {
	t.Helper()
	file, err := os.Open("testdata/names.tsv")
	require.NoError(t, err)
	defer file.Close()
	var rows [][3]string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); !strings.HasPrefix(line, "#") {
			fields := strings.Split(line, "\t")
			require.Len(t, fields, 3, "line %q", line)
			rows = append(rows, [3]string(fields))
		}
	}
	require.NotEmpty(t, rows)
	return rows
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, row := range golden(t) {
		require.Equal(t, row[1], translit.Full(row[0]), "full of %q", row[0])
		require.Equal(t, row[2], translit.Initials(row[0]), "initials of %q", row[0])
	}
}

// The Hundred Family Surnames, whose readings are known by heart to every reader
// who checks this file; the syllables are in the order of the characters.
func TestHundredFamilySurnames(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/surnames.txt")
	require.NoError(t, err)
	count := 0
	for line := range strings.Lines(string(text)) {
		han, readings, ok := strings.Cut(strings.TrimSpace(line), " ")
		require.True(t, ok, "line %q", line)
		want := strings.Fields(readings)
		require.Len(t, want, len([]rune(han)), "line %q", line)
		for i, surname := range []rune(han) {
			require.Equal(t, want[i]+"wei", translit.Full(string(surname)+"伟"), "surname %c", surname)
			count++
		}
	}
	require.GreaterOrEqual(t, count, 400)
}

func TestUnusableNamesGiveNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", " ", "\t\u3000", "😀", "❤️", "-·-", "\u200b\ufeff", "々", "\xff"} {
		require.Empty(t, translit.Full(name), "full of %q", name)
		require.Empty(t, translit.Initials(name), "initials of %q", name)
	}
}

func TestWritingFormDoesNotMatter(t *testing.T) {
	t.Parallel()
	for name, forms := range map[string][]string{
		"曾国藩":       {" 曾国藩 ", "曾 国藩", "曾\u3000国\u200b藩", "\ufeff曾国藩", "曾国藩（外包）"},
		"José":      {"Jose\u0301", "ＪＯＳＥ"},
		"김철수":       {"김철수"},
		"タナカ":       {"ﾀﾅｶ"},
		"龍":         {"\uf9c4"},
		"Wu 2":      {"wu２", "WU ②"},
		"Jean-Luc":  {"jean luc", "JEAN.LUC"},
		"O'Brien":   {"O’Brien", "OBrien"},
		"می\u200cر": {"میر"},
	} {
		for _, form := range forms {
			want := strings.TrimSuffix(translit.Full(name), "waibao")
			require.Equal(t, want, strings.TrimSuffix(translit.Full(form), "waibao"), "%q and %q", name, form)
		}
	}
}

func TestResultIsBounded(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"张", "w", "9", "a b ", "ﷺ"} {
		long := strings.Repeat(piece, 1000)
		require.Len(t, translit.Full(long), translit.MaxLen, "full of %q…", piece)
		require.LessOrEqual(t, len(translit.Initials(long)), translit.MaxLen, "initials of %q…", piece)
	}
}

func FuzzNames(f *testing.F) {
	for _, row := range golden(f) {
		f.Add(row[0])
	}
	f.Add("\xff\xfe\x00")
	f.Add("尉迟\u200b·")
	ascii := regexp.MustCompile(`^[a-z0-9]*$`)
	f.Fuzz(func(t *testing.T, name string) {
		full, initials := translit.Full(name), translit.Initials(name)
		require.Regexp(t, ascii, full)
		require.Regexp(t, ascii, initials)
		require.LessOrEqual(t, len(full), translit.MaxLen)
		require.LessOrEqual(t, len(initials), len(full))
		require.Equal(t, full == "", initials == "")
		require.Equal(t, full, translit.Full(name))
		require.Equal(t, full, translit.Full(full), "a result reads as itself")
	})
}

func ExampleFull() {
	fmt.Println(translit.Full("单雄信"), translit.Full("吕布"), translit.Full("Ada Wu"))
	// Output: shanxiongxin lvbu adawu
}

func ExampleInitials() {
	fmt.Println(translit.Initials("单雄信"), translit.Initials("张伟2"), translit.Initials("Ada Wu"))
	// Output: sxx zw2 aw
}
