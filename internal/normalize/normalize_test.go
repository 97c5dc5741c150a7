package normalize_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/normalize"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                "",
		" kept as it is ": " kept as it is ",
		"a\x00b\x00":      "ab",
		"a\xffb":          "a\uFFFDb",
		"\xe5\xbc":        "\uFFFD",
		"\xed\xa0\x80":    "\uFFFD", // a surrogate half, encoded
		"\xe5\x00\xbc":    "\uFFFD",
	} {
		require.Equal(t, want, normalize.Text(in), "%q", in)
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                         "",
		" \t\r\n\v\f":              "",
		"  Ada  Wu ":               "Ada  Wu",
		"\u3000张伟\u00a0\u2003":     "张伟",
		"\ufeff张伟\u200b\u200d":     "张伟",
		"\u202a张伟\u202c\u2069":     "张伟",
		"\x00 张\x00伟 \x00":         "张伟",
		"\x1b张伟\x7f":               "张伟",
		"می\u200cر":                "می\u200cر",
		"\u3000\u200b\ufeff\u2060": "",
		// A flag ends in a format character of its own; it is no space.
		"🏴\U000E0067\U000E0062\U000E007F": "🏴\U000E0067\U000E0062\U000E007F",
	} {
		require.Equal(t, want, normalize.Name(in), "%q", in)
	}
}

func TestEmail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                           "",
		"Ada@Example.COM":            "ada@example.com",
		"\ufeff ÄDA@example.com\r\n": "äda@example.com",
		"not an Address":             "not an address",
	} {
		require.Equal(t, want, normalize.Email(in), "%q", in)
	}
}

func TestPhone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                  "",
		"13800000000":       "+8613800000000",
		" 138-0000-0000\n":  "+8613800000000",
		"138 0000 0000":     "+8613800000000",
		"+86 138 0000 0000": "+8613800000000",
		"+8613800000000":    "+8613800000000",
		"86 13800000000":    "+8613800000000",
		"0086-13800000000":  "+8613800000000",
		"(+86)13800000000":  "+8613800000000",
		"１３８００００００００":       "+8613800000000",
		"＋８６（１３８）００００−００００":          "＋８６（１３８）００００−００００", // the minus is not a dash
		"＋８６－１３８００００００００":            "+8613800000000",
		"\u202d+8613800000000\u202c": "+8613800000000",
		"010-62345678":               "+861062345678",
		"(021) 5555.6666":            "+862155556666",
		"400-800-8820":               "+864008008820",
		"010-6234 5678":              "+861062345678",
		"0571-8765 4321":             "+8657187654321",
		"4008008-820":                "+864008008820",
		"571-8765 4321":              "+8657187654321",
		"0435-287 1234":              "+864352871234",
		"1380000-0000":               "+8613800000000",
		"154 0000 0000":              "+8615400000000", // a prefix that the parser does not know
		"+1 (212) 555-0123":          "+12125550123",
		"+1 (555) 123-4567":          "+15551234567",  // of a possible length
		"+49 30 123456-78":           "+493012345678", // dialled through
		"+852 5123 4567":             "+85251234567",
		"+886-912-345-678":           "+886912345678",
		"+49 1512 3456789":           "+4915123456789",
		"+39 06 1234 5678":           "+390612345678", // Italy keeps the zero
		// What E.164 cannot hold stays as it came.
		"138****0000":                       "138****0000",
		"138xxxx0000":                       "138xxxx0000",
		"1-800-FLOWERS":                     "1-800-FLOWERS",
		"010-62345678 ext. 12":              "010-62345678 ext. 12",
		"010-62345678#12":                   "010-62345678#12",
		"010-88886666-8":                    "010-88886666-8",
		"13800000019-8":                     "13800000019-8",
		"138 0000 0019 8":                   "138 0000 0019 8",
		"154-0000-0000-8":                   "154-0000-0000-8",
		"(010)88886666(8)":                  "(010)88886666(8)",
		"010-8888 6666-80":                  "010-8888 6666-80",
		"010-88886666-1-2":                  "010-88886666-1-2",
		"010-88886666－８":                    "010-88886666－８",
		"010-88886666+8":                    "010-88886666+8",
		"010.88886666.8001":                 "010.88886666.8001",
		"0435-2871234-8":                    "0435-2871234-8", // of 8 digits it would be valid there
		"400-800-8820-1":                    "400-800-8820-1",
		"88886666-8001":                     "88886666-8001", // without area code
		"8888666-801":                       "8888666-801",
		"+86 10 8888 6666 8":                "+86 10 8888 6666 8",
		"+86 10 8888 6666 ext. 8":           "+86 10 8888 6666 ext. 8",
		" 010-88886666转8 ":                  "010-88886666转8",
		"010-88886666 转 8":                  "010-88886666 转 8",
		"010-88886666分机8":                   "010-88886666分机8",
		"010-88886666x8":                    "010-88886666x8",
		"010-88886666,8":                    "010-88886666,8",
		"+81 3-1234-5678-1":                 "+81 3-1234-5678-1",
		"+1 212 555 0123 8":                 "+1 212 555 0123 8",
		"62345678":                          "62345678", // could be of any area
		"138000000198":                      "138000000198",
		"11111111111":                       "11111111111",
		"13800000000/13900000000":           "13800000000/13900000000",
		"13800000000, 13900000000":          "13800000000, 13900000000",
		"000000000":                         "000000000", // a placeholder, read differently each time
		"110":                               "110",
		"8001":                              "8001",
		"+999 123456":                       "+999 123456",
		" + ":                               "+",
		"none":                              "none",
		"138000000001380000000013800000000": "138000000001380000000013800000000",
	} {
		require.Equal(t, want, normalize.Phone(in), "%q", in)
	}
}

func FuzzStrings(f *testing.F) {
	for _, seed := range []string{"", " 张伟\u200b", "Ada@Example.COM", "+86 138 0000 0000", "１３８００００００００",
		"010-1 ext 2", "\x00\xff\ufeff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, fn := range map[string]func(string) string{
			"text": normalize.Text, "name": normalize.Name, "email": normalize.Email, "phone": normalize.Phone,
		} {
			got := fn(s)
			require.True(t, utf8.ValidString(got), "%s of %q", name, s)
			require.NotContains(t, got, "\x00", "%s of %q", name, s)
			require.Equal(t, got, fn(got), "%s of %q is stable", name, s)
		}
		if phone := normalize.Phone(s); phone != normalize.Name(s) {
			require.Regexp(t, regexp.MustCompile(`^\+[0-9]{5,17}$`), phone)
		}
		require.Equal(t, normalize.Name(s), strings.TrimSpace(normalize.Name(s)))
	})
}

func BenchmarkPhone(b *testing.B) {
	for b.Loop() {
		normalize.Phone("13800000000")
	}
}

func ExamplePhone() {
	fmt.Println(normalize.Phone(" 138-0000-0000"), normalize.Phone("138****0000"))
	// Output: +8613800000000 138****0000
}
