package normalize_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/normalize"
)

func TestJSONRepairs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"name":"a\u0000b"}`:                `{"name":"ab"}`,
		`{"a\u0000":1}`:                      `{"a":1}`,
		`"\u0000"`:                           `""`,
		`"\\u0000"`:                          `"\\u0000"`, // a backslash and text, no escape
		`"\\\u0000"`:                         `"\\"`,
		`"\ud83d"`:                           "\"\uFFFD\"",
		`"\ude00\ud83d"`:                     "\"\uFFFD\uFFFD\"",
		`"\uD83Dx\uDE00"`:                    "\"\uFFFDx\uFFFD\"",
		`"\ud83d\u0000\ude00"`:               "\"\uFFFD\uFFFD\"",
		`"\ud83d\ud83d\ude00"`:               "\"\uFFFD\\ud83d\\ude00\"",
		"\"a\xffb\xed\xa0\x80\"":             "\"a\uFFFDb\uFFFD\uFFFD\uFFFD\"",
		"{\"a\xff\": [1,\"\xc3\"], \"b\":2}": "{\"a\uFFFD\": [1,\"\uFFFD\"], \"b\":2}",
		`{"n":1e999999,"m":-1E+999999}`:      `{"n":"1e999999","m":"-1E+999999"}`,
		`[1e-999999]`:                        `["1e-999999"]`,
		`1e9223372036854775807`:              `"1e9223372036854775807"`,
		`1e99999999999999999999`:             `"1e99999999999999999999"`,
		`1e131072`:                           `"1e131072"`,
		`0.1e-16383`:                         `"0.1e-16383"`,
	} {
		got, err := normalize.JSON(json.RawMessage(in))
		require.NoError(t, err, "%q", in)
		require.Equal(t, want, string(got), "%q", in)
	}
}

func TestJSONLeavesWhatIsRight(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`null`, `true`, `""`, ` { "z" : 1 , "a" : [ ] } `,
		`{"id":9223372036854775807,"big":123456789012345678901234567890.10,"e":1e10}`,
		`"张伟 \u5f20\u4f1f \ud83d\ude00 \"\\\/\b\f\n\r\t \ufffd"`,
		`1e131071`, `1e-16383`, `-0.5`, "\"\uFFFD\"",
	} {
		raw := json.RawMessage(in)
		got, err := normalize.JSON(raw)
		require.NoError(t, err, "%q", in)
		require.Equal(t, in, string(got))
		require.Same(t, &raw[0], &got[0], "%q was copied", in)
	}
	for _, in := range []json.RawMessage{nil, {}} {
		got, err := normalize.JSON(in)
		require.NoError(t, err)
		require.Equal(t, in, got)
	}
}

func TestJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{" ", `{"name":"Ada`, `{"name":"Ada"}{}`, `{'name':"Ada"}`, `"\u00"`, `NaN`, "\"Ada\n\"", "<html>Ada"} {
		got, err := normalize.JSON(json.RawMessage(in))
		require.EqualError(t, err, "normalize json: not one complete JSON value", "%q", in)
		require.Nil(t, got)
	}
	_, err := normalize.JSON(nested(1000))
	require.NoError(t, err)
	_, err = normalize.JSON(nested(1001))
	require.EqualError(t, err, "normalize json: nested deeper than 1000 levels")
}

func TestJSONDoesNotWriteIntoItsInput(t *testing.T) {
	t.Parallel()
	in := json.RawMessage(`{"a":"\u0000","b":"\ud800"}`)
	before := bytes.Clone(in)
	_, err := normalize.JSON(in)
	require.NoError(t, err)
	require.Equal(t, string(before), string(in))
}

func nested(depth int) json.RawMessage {
	return json.RawMessage(strings.Repeat(`{"a":[`, depth/2) + strings.Repeat("[", depth%2) +
		strings.Repeat("]", depth%2) + strings.Repeat("]}", depth/2))
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a\u0000b","x":[1e999999,"\ud83d","\ud83d\ude00"]}`, "\"\xff\"", `{"a":`, `-1.5E-7`, `"\\\u0000"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := normalize.JSON(raw)
		if err != nil {
			require.Nil(t, got)
			return
		}
		if len(raw) == 0 {
			return
		}
		require.True(t, json.Valid(got))
		require.True(t, utf8.Valid(got))
		again, err := normalize.JSON(got)
		require.NoError(t, err)
		require.Equal(t, string(got), string(again), "stable")
		require.Equal(t, withoutNUL(decode(t, raw)), decode(t, got), "same meaning")
	})
}

// decode reads JSON the standard library's way, which puts U+FFFD where we do.
func decode(t *testing.T, raw []byte) string {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var b strings.Builder
	for {
		token, err := decoder.Token()
		if err != nil {
			return b.String()
		}
		fmt.Fprintf(&b, "%v ", token)
	}
}

func withoutNUL(s string) string { return strings.ReplaceAll(s, "\x00", "") }

func ExampleJSON() {
	repaired, err := normalize.JSON(json.RawMessage(`{"name":"a\u0000b","order":176274900000000512}`))
	fmt.Println(string(repaired), err)
	// Output: {"name":"ab","order":176274900000000512} <nil>
}
