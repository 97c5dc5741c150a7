package wire_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

func read(t *testing.T, raw string) wire.Record {
	t.Helper()
	r, ok := wire.Parse([]byte(raw))
	require.True(t, ok)
	return r
}

func TestWhatDecidesIsReadStrictly(t *testing.T) {
	t.Parallel()
	r := read(t,
		`{"id":"u1","number":7,"text":"7","big":9223372036854775808,"float":1.0,"null":null,"list":["a","b","a"],"odd":["a",1]}`)
	id, problem := r.ID("id")
	require.Equal(t, []string{"u1", ""}, []string{id, problem})
	_, problem = r.ID("number")
	require.Equal(t, "number is not a string", problem)
	_, problem = r.RequiredID("null")
	require.Equal(t, "no null", problem)
	_, problem = wire.Record{"x": strings.Repeat("x", directory.MaxID+1)}.RequiredID("x")
	require.Equal(t, "x is longer than 512 bytes", problem)
	for key, want := range map[string]bool{"number": true, "text": false, "big": false, "float": false, "null": false,
		"absent": false} {
		require.Equal(t, want, r.Number(key) != nil, key)
	}
	for key, want := range map[string]bool{"list": true, "odd": false, "absent": true, "null": true, "id": false} {
		_, ok := r.IDs(key)
		require.Equal(t, want, ok, key)
	}
	require.Equal(t, []string{"a", "b"}, r.UsableIDs("list"))
	require.Equal(t, []string{"a"}, r.UsableIDs("odd"))
}

func TestTheRestIsReadLeniently(t *testing.T) {
	t.Parallel()
	r := read(t, `{"n":7,"s":"7","neg":-1,"t":true,"q":"true","o":{"a":1},"l":[1],"null":null}`)
	require.Equal(t, "7", *r.Text("n"))
	require.Nil(t, r.Text("t"))
	require.Empty(t, *r.TextOrEmpty("null"))
	require.Nil(t, r.TextOrEmpty("l"))
	require.EqualValues(t, 7, *r.Integer("s"))
	require.Equal(t, 7, *r.Count("n"))
	require.Nil(t, r.Count("neg"))
	require.Nil(t, r.Boolean("q"))
	require.True(t, *r.QuotedBoolean("q"))
	require.True(t, *r.QuotedBoolean("t"))
	require.Nil(t, r.QuotedBoolean("o"))
	require.True(t, r.Is("t"))
	require.NotNil(t, r.Object("o").Number("a"))
	require.Nil(t, r.Object("l"))
	_, sent := r.List("null")
	require.False(t, sent)
	_, ok := r.ListOrNone("null")
	require.True(t, ok)
	_, ok = r.ListOrNone("o")
	require.False(t, ok)
}

func TestUnusableRecordsShowTheirIDsAndNothingElse(t *testing.T) {
	t.Parallel()
	r := read(t, `{"dept_id":7,"userid":13800000001,"name":"Ada","unionid":"on_1"}`)
	require.Equal(t, `record 1 (dept_id 7, unionid "on_1"): no userid`,
		r.Unusable(wire.Nth(0), "no userid", []string{"dept_id"}, []string{"userid", "unionid"}))
	require.Equal(t, "record 2: not an object",
		wire.Record(nil).Unusable(wire.Nth(1), "not an object", nil, []string{"userid"}))
}

func FuzzRecord(f *testing.F) {
	for _, raw := range []string{
		`{"a":[2,1],"b":null}`, `{"a":[{"x":1.0},"\ud800"],"b":1e400}`, `null`, `[]`, `{"a":"true"}`,
		`{"a":-0,"b":"9007199254740993"}`,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, ok := wire.Parse(raw)
		if !ok {
			require.Nil(t, r)
			return
		}
		for key := range r {
			if id, problem := r.ID(key); problem == "" {
				require.Empty(t, directory.IDProblem(id))
			}
			if n := r.Count(key); n != nil {
				require.True(t, *n >= 0 && *n <= math.MaxInt32)
			}
			if r.Is(key) {
				require.True(t, *r.QuotedBoolean(key))
			}
			ids, ok := r.IDs(key)
			require.True(t, ok || ids == nil)
		}
		canonical := r.Canonical([]string{"b"}, []string{"a"})
		require.True(t, json.Valid(canonical))
		again, ok := wire.Parse(canonical)
		require.True(t, ok)
		require.Equal(t, string(canonical), string(again.Canonical(nil, []string{"a"})))
	})
}
