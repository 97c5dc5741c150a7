package feishu

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

var records = []string{
	engineering, liLei, `{}`, `null`, `[]`, `"x"`, `{"open_id":1}`, `{"open_id":"ou_1","orders":[null,1,"x",[],{}]}`,
	`{"open_department_id":"od-1","leaders":[{"leaderID":7}],"order":1e400,"member_count":-0}`,
	`{"user_id":"u","a":1,"a":2,"status":{"is_frozen":1}}`, `{"open_id":"\ud800","name":"\u0000<&>"}`,
	`{"open_id":"ou_1"} {}`,
}

// FuzzRecord: whatever is sent, a record is either put aside with a reason or
// has an id and a stored form that reads back as itself.
func FuzzRecord(f *testing.F) {
	for _, r := range records {
		f.Add([]byte(r))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, ok := wire.Parse(raw)
		if !ok {
			require.Nil(t, r)
			return
		}
		if m, problem := toMember(r, time.UTC); problem == noProblem {
			require.NotEmpty(t, m.ExternalID)
			for _, id := range []string{m.ExternalID, m.OpenID, m.UnionID} {
				require.Empty(t, directory.IDProblem(id))
			}
			require.Equal(t, m.ExternalIDIsFallback, m.ExternalID == m.OpenID && r["user_id"] != m.ExternalID)
			again, ok := wire.Parse(m.Raw)
			require.True(t, ok)
			same, problem := toMember(again, time.UTC)
			require.Empty(t, problem)
			require.Equal(t, string(m.Raw), string(same.Raw))
		}
		for _, in := range allMemberships(r) {
			require.NotEmpty(t, in.DepartmentID)
		}
		deletedDepartment(r)
		hasLeft(r)
		if d, problem := toDepartment(r); problem == noProblem {
			require.NotEmpty(t, d.ExternalID)
			require.True(t, json.Valid(d.Raw))
			require.True(t, d.DeclaredMembers == nil || *d.DeclaredMembers >= 0)
			require.True(t, slices.IsSorted(d.Leaders))
		}
	})
}

// FuzzAnswer: an answer is either refused or ends, or names another page than
// the one asked for and holds something.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"code":0,"data":{"has_more":false}}`, `{"code":0,"data":{"has_more":true,"page_token":"b","items":[{}]}}`,
		`{"code":0,"data":{"has_more":true,"page_token":"a","user_ids":["x"]}}`, `{"code":0}`, `{"code":0,"data":null}`,
		`{"code":99991672,"error":{"log_id":"L","permission_violations":[{"subject":"a:b"}],"field_violations":[{"field":"f"}]}}`,
		`{"code":99999999999999999999}`, `{"code":0,"data":{"department":{"open_department_id":"od-1"}}}`, `{`, ``,
		`<html>`,
		`{"code":0,"tenant_access_token":"t-1","expire":7200}`,
		`{"code":0,"data":{"has_more":false,"department_ids":[""]}}`,
	} {
		f.Add([]byte(body), "a")
	}
	f.Fuzz(func(t *testing.T, body []byte, sent string) {
		env, ok := parseEnvelope(body)
		if !ok {
			require.Zero(t, env.code)
			return
		}
		require.True(t, utf8.ValidString(naming(provider.Detail("x"), env).String()))
		a := answer{fields: env.fields, data: env.fields.Object("data")}
		if items, next, err := pageOfItems(a, "items", sent); err == nil && next != "" {
			require.NotEqual(t, sent, next)
			require.Empty(t, directory.IDProblem(next))
			for _, r := range items {
				_, problem := toMember(r, time.UTC)
				require.NotContains(t, unusable(wire.Nth(0), r, problem), "\x00")
			}
		}
		if page, next, err := scopesOf(a, sent); err == nil {
			require.NotContains(t, slices.Concat(page.Departments, page.Users, page.Groups), "")
			require.False(t, next != "" && next == sent)
		}
		if r, err := objectOf(a, "department"); err == nil {
			require.NotNil(t, r)
		}
		if token, life, problem := parseToken(env.fields); problem == noProblem {
			require.True(t, bearer(token))
			require.Positive(t, life)
			require.LessOrEqual(t, life, maxTokenLife)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, reset := range []string{"", "0", "1.5", "-1", "NaN", "Inf", "1e300", "0x10", "60"} {
		f.Add(reset)
	}
	f.Fuzz(func(t *testing.T, reset string) {
		wait := retryAfter(http.Header{"X-Ogw-Ratelimit-Reset": {reset}})
		require.GreaterOrEqual(t, wait, time.Second)
		require.LessOrEqual(t, wait, longestPause)
	})
}
