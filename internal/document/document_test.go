package document_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/document"
)

func TestObject(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"plain": `{"a":"1","b":{"a":[{"a":1},{"a":2}]}}`, "byte order mark": "\ufeff{\"a\":\"1\"}",
		"white space":        " \r\n{\"a\":\"1\"}\n\n",
		"a key as value":     `{"a":"b","b":"a"}`,
		"keys of neighbours": `{"x":[{"a":1,"b":[]},{"a":2,"b":{}}],"y":{"a":{"a":1}}}`,
	} {
		fields, err := document.Object([]byte(text))
		require.NoError(t, err, name)
		require.NotEmpty(t, fields, name)
	}
	fields, err := document.Object([]byte(`{}`))
	require.NoError(t, err)
	require.Empty(t, fields)
}

func TestObjectRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"nothing":             {" \n", "not a JSON object (it is empty)"},
		"half":                {`{"a":`, "not a JSON object (it ends too early)"},
		"a list":              {`[1]`, "not a JSON object"},
		"null":                {`null`, "not a JSON object"},
		"text":                {"{\n  \"a\": s3cret\n}", "not a JSON object (line 2, column 8)"},
		"a comma too many":    {`{"张":"1",}`, "not a JSON object (line 1, column 10)"},
		"a brace too many":    {"{\"a\":\"s3cret\"} }", "something follows the JSON object (line 1, column 16)"},
		"another object":      {"{\"a\":\"1\"}\n{}", "something follows the JSON object (line 2, column 1)"},
		"text behind":         {`{"a":"1"} s3cret`, "something follows the JSON object (line 1, column 11)"},
		"a key twice":         {`{"a":"1","b":"2","a":"s3cret"}`, `the key "a" is given more than once`},
		"a key twice, deeper": {`{"x":[{"y":{"a":"1","a":"s3cret"}}]}`, `the key "a" is given more than once`},
		"in other letters":    {`{"app_id":"1","App_ID":"s3cret"}`, `the key "App_ID" is given more than once`},
		"UTF-16":              {"\xff\xfe{\x00}\x00", "it is encoded as UTF-16; save it as UTF-8"},
		"GBK":                 {"{\"a\":\"\xd5\xc5\"}", "it is not encoded as UTF-8 (line 1, column 7); save it so"},
	} {
		_, err := document.Object([]byte(c.text))
		require.ErrorContains(t, err, c.want, name)
		require.NotContains(t, err.Error(), "s3cret", name)
	}
}

func TestReadNamesTheSize(t *testing.T) {
	t.Parallel()
	const limit = 1000
	text, err := document.Read(strings.NewReader(strings.Repeat("x", limit)), limit)
	require.NoError(t, err)
	require.Len(t, text, limit)
	_, err = document.Read(strings.NewReader(strings.Repeat("x", limit+1)), limit)
	require.ErrorContains(t, err, "it is too large; at most 1.0 kB are read")

	path := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, 30_000_000))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	_, err = document.Read(file, limit)
	require.ErrorContains(t, err, "it is too large: 30.0 MB; at most 1.0 kB are read")
	_, err = document.Read(errorReader{}, limit)
	require.ErrorContains(t, err, "disk on fire")
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestInvisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"cli_a1b2c3 张三 é\t\r\n": "", "": "",
		"abc\u200bdef": "U+200B, a zero-width space, as character 4",
		"张\u00a0三":     "U+00A0, a no-break space, as character 2",
		"\ufeffabc":    "U+FEFF, a byte order mark, as character 1",
		"a\u3000b":     "U+3000, a full-width space, as character 2",
		"a\u202eb":     "U+202E, an invisible character, as character 2",
		"a\x00b":       "U+0000, an invisible character, as character 2",
		"a\u3164":      "U+3164, an invisible character, as character 2",
		"a\u2028b":     "U+2028, an invisible character, as character 2",
		"a\xffb":       "U+FFFD, what is left of a character that was encoded otherwise, as character 2",
	} {
		require.Equal(t, want, document.Invisible(text), "%q", text)
	}
}

func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{"a":"1","a":2}`, "\ufeff{}", `{"a":[{"b":1},{"b":{}}]} }`, `[`, "\xff\xfe{",
		`{"a":{"a":{"a":null}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fields, err := document.Object(text)
		if err == nil {
			text, err = document.Text(text)
			require.NoError(t, err)
			var all map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(text, &all), "what is accepted is JSON")
			require.Len(t, fields, len(all))
		}
	})
}
