package wecom

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// A fact that was left out or hidden says nothing, and an empty one clears what is stored.
func TestFactsOfAMember(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		record, manager, want string // the manager "-" and the attributes "null" are not sent
	}{
		"an old app": {
			`"telephone":"020-1234","alias":"ada.w","address":"Made-up Road 1","gender":"1","biz_mail":"Ada@Acme.example","mobile":"1","direct_leader":["bob","cyd"],
			"extattr":{"attrs":[{"type":0,"name":"Badge","text":{"value":"A-17"}},{"type":1,"name":"Site","web":{"url":"https://example.com","title":"x"}}]}`, "bob",
			`{"telephone":"020-1234","alias":"ada.w","work_place":"Made-up Road 1","gender":"male","work_email":"Ada@Acme.example",
			"custom":{"Badge":"A-17","Site":{"url":"https://example.com","title":"x"}}}`},
		"nothing": {``, "-", `null`},
		"empty": {
			`"telephone":"","alias":"","address":"","biz_mail":"","direct_leader":[],"extattr":{"attrs":[]}`, "",
			`{"telephone":null,"alias":null,"work_place":null,"work_email":null,"custom":null}`},
		"null": {
			`"telephone":null,"alias":null,"gender":null,"direct_leader":null,"extattr":null`, "-", `null`},
		"of wrong types": {`"telephone":[],"alias":{},"gender":{},"direct_leader":"bob","extattr":[]`, "-",
			`null`},
		"a manager of no use":        {`"direct_leader":[7,"bob"]`, "-", `null`},
		"a gender that is hidden":    {`"gender":"0"`, "-", `null`},
		"a gender that is not shown": {`"gender":""`, "-", `null`},
		"a gender that is undefined": {`"gender":"0","mobile":""`, "-", `{"gender":null}`},
		"a number for a gender":      {`"gender":2`, "-", `{"gender":"female"}`},
		"own fields without a value": {
			`"extattr":{"attrs":[{"type":0,"name":"Badge","text":{"value":""},"value":""},{"type":1,"name":"Site","web":{"url":"","title":""}},{"type":0,"name":"","text":{"value":"x"}},7,{"name":"Odd"}]}`,
			"-", `{"custom":null}`},
		"an own field with more beside": {
			`"extattr":{"attrs":[{"type":0,"name":"Badge","value":"A-17","text":{"value":"A-17"}},{"type":2,"name":"App","miniprogram":{"appid":"wx1","pagepath":"p","title":"t"}}]}`,
			"-", `{"custom":{"Badge":"A-17","App":{"appid":"wx1","pagepath":"p","title":"t"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record := `{"userid":"ada"`
			if c.record != "" {
				record += "," + c.record
			}
			m, problem := toMember(parsed(record + "}"))
			require.Empty(t, problem)
			requireFacts(t, m.profile(), c.manager, c.want)
		})
	}
}

func requireFacts(t *testing.T, got directory.Profile, manager, want string) {
	t.Helper()
	if manager == "-" {
		require.Nil(t, got.Manager)
	} else {
		require.Equal(t, &manager, got.Manager)
	}
	body, err := json.Marshal(got.Attributes)
	require.NoError(t, err)
	require.JSONEq(t, want, string(body))
	require.Nil(t, got.EmployeeNo, "WeCom has no such field")
}
