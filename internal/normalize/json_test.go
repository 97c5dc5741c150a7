package normalize_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/normalize"
)

func decoded(t *testing.T, in string) any {
	t.Helper()
	v, ok := normalize.Decode([]byte(in))
	require.True(t, ok, "%q", in)
	return v
}

func TestJSON(t *testing.T) {
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
		`"\ud83d\ud83d\ude00"`:               "\"\uFFFD😀\"",
		"\"a\xffb\xed\xa0\x80\"":             "\"a\uFFFDb\uFFFD\uFFFD\uFFFD\"",
		"{\"a\xff\": [1,\"\xc3\"], \"b\":2}": "{\"a\uFFFD\":[1,\"\uFFFD\"],\"b\":2}",
		`{"n":1e999999,"m":-1E+999999}`:      `{"m":"-1E+999999","n":"1e999999"}`,
		`[1e-999999]`:                        `["1e-999999"]`,
		`1e9223372036854775807`:              `"1e9223372036854775807"`,
		`1e99999999999999999999`:             `"1e99999999999999999999"`,
		`1e131072`:                           `"1e131072"`,
		`0.1e-16383`:                         `"0.1e-16383"`,
		`1e131071`:                           `1e131071`,
		`1e-16383`:                           `1e-16383`,
		`-0.5`:                               `-0.5`,
		`null`:                               `null`,
		`true`:                               `true`,
		` { "z" : 1 , "a" : [ ], "m": {"y":false,"b":{}} } `:                          `{"a":[],"m":{"b":{},"y":false},"z":1}`,
		`{"id":9223372036854775807,"big":123456789012345678901234567890.10,"e":1e10}`: `{"big":123456789012345678901234567890.10,"e":1e10,"id":9223372036854775807}`,
		`"张伟 \u5f20\u4f1f \ud83d\ude00 \"\\\/ <&> \n\r\t\u0001 \ufffd"`:               `"张伟 张伟 😀 \"\\/ <&> \u000a\u000d\u0009\u0001 �"`,
	} {
		require.Equal(t, want, string(normalize.JSON(decoded(t, in))), "%q", in)
	}
}

func TestJSONBoundsItsDepth(t *testing.T) {
	t.Parallel()
	nested := func(depth int, innermost string) string {
		return strings.Repeat(`{"a":[`, depth/2) + innermost + strings.Repeat("]}", depth/2)
	}
	for in, want := range map[string]string{`1`: `1`, `{"b":1}`: `{"b":null}`, `[[{"b":1}],2]`: `[null,null]`} {
		require.True(t, nested(1000, want) == string(normalize.JSON(decoded(t, nested(1000, in)))), in)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", " ", `{"name":"Ada`, `{"name":"Ada"}{}`, `{"name":"Ada"}]`, `1 2`, `{'name':"Ada"}`, `"\u00"`, `NaN`,
		"\"Ada\n\"", "<html>Ada", "\ufeff{}",
	} {
		v, ok := normalize.Decode([]byte(in))
		require.False(t, ok, "%q", in)
		require.Nil(t, v)
	}
	v, ok := normalize.Decode([]byte(" {\"n\":9223372036854775807,\"a\":[null,true,\"x\"]}\r\n\t "))
	require.True(t, ok)
	require.Equal(t, map[string]any{"n": json.Number("9223372036854775807"), "a": []any{nil, true, "x"}}, v)
}

func TestSorted(t *testing.T) {
	t.Parallel()
	in := decoded(t, `["b",10,{"y":2,"x":1},"a",9,{"x":0}]`).([]any)
	require.Equal(t, `["a","b",10,9,{"x":0},{"x":1,"y":2}]`, string(normalize.JSON(normalize.Sorted(in))))
	require.Equal(t, "b", in[0], "the input stays")
	require.Empty(t, normalize.Sorted(nil))
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a\u0000b","x":[1e999999,"\ud83d","\ud83d\ude00"]}`, "\"\xff\"", `{"a":`, `-1.5E-7`, `"\\\u0000"`,
		`{"b":{"d":1,"c":"<\u2028\u001f\u007f"},"a":[[],{}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, ok := normalize.Decode(raw)
		require.Equal(t, json.Valid(raw), ok)
		if !ok {
			return
		}
		got := normalize.JSON(v)
		require.True(t, json.Valid(got))
		require.True(t, utf8.Valid(got))
		same, ok := normalize.Decode(got)
		require.True(t, ok)
		again := normalize.JSON(same)
		require.NotContains(t, fmt.Sprint(same), "\x00")
		if !strings.Contains(fmt.Sprint(v), "\x00") { // without which keys may be the same
			require.Equal(t, string(got), string(again), "stable")
			require.Equal(t, fmt.Sprint(v), fmt.Sprint(same), "same meaning")
		}
	})
}

func ExampleJSON() {
	record, _ := normalize.Decode([]byte(`{"order":176274900000000512,"name":"a\u0000b"}`))
	fmt.Println(string(normalize.JSON(record)))
	// Output: {"name":"ab","order":176274900000000512}
}
