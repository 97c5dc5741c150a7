package normalize_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
)

// facts are a member's normalised attributes.
func facts(sent directory.Attributes) directory.Attributes {
	m := directory.Member{}
	m.Attributes = sent
	return normalize.Member(m).Attributes
}

func TestFactsAreNormalised(t *testing.T) {
	t.Parallel()
	own, ok := normalize.Decode(
		[]byte(
			`{" Badge\u0000 ":" A-17\u0000 ","blank":" \u0000","n":1e999999,"deep":{"a\u0000":["\u0000x",null,9007199254740993]},"\u0000":"keyless"}`))
	require.True(t, ok)
	got := facts(directory.Attributes{
		directory.City: " Hang\x00zhou ", directory.WorkEmail: " Ann@Example.COM ", directory.Alias: "\u200b ",
		directory.Telephone: nil,
		directory.WorkPlace: strings.Repeat("x", 100_000), directory.Custom: own,
	})
	require.Len(t, got[directory.WorkPlace], 100_000)
	delete(got, directory.WorkPlace)
	body, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, `{"city":"Hangzhou","work_email":"ann@example.com","alias":null,"telephone":null,
		"custom":{"Badge":"A-17","n":"1e999999","deep":{"a":["x",null,9007199254740993]}}}`, string(body))
	require.Nil(t, facts(nil))
	for range 20 { // whatever the order in which a map is walked
		two := facts(directory.Attributes{directory.Custom: map[string]any{"a": "1", " a": "2", "a\x00": "3"}})
		require.Equal(t, directory.Attributes{directory.Custom: map[string]any{"a": "3"}}, two)
	}
	require.Equal(t, directory.Attributes{directory.Custom: nil},
		facts(directory.Attributes{directory.Custom: map[string]any{"a": " "}}))
}
