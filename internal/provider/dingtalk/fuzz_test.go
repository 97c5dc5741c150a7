package dingtalk

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// FuzzAnswer feeds whole answers to interpret and every reader behind it:
// whatever comes, there is either a usable page or an error of a known kind.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		okDepartment, fullScopes, limitedScopes, rootAnswer, noPermission, `{"status":1111,"wait":5}`,
		`{"errcode":0,"result":{"has_more":true,"next_cursor":100,"list":[{"userid":"u1","leader":true,"dept_order":176274948238067512}]}}`,
		`{"errcode":0,"result":[{"dept_id":2,"parent_id":1,"name":"x"},{"dept_id":-7},null,{"dept_id":"2"}]}`,
		`{"errcode":88,"sub_code":"90002","sub_msg":"限制将在 2026-09-03 00:01:03 结束"}`,
		`{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","accessdenieddetail":{"requiredScopes":["a",1]}}`,
		`{"errcode":60020,"errmsg":"request ip=1.2.3.4"}`, `<html>`, ``, `null`, `{"errcode":0`,
		"{\"errcode\":\"\xff\"}",
	} {
		for _, status := range []int{200, 302, 404, 429, 500} {
			f.Add(status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a, failure := interpret(userList, &provider.Reply{Status: status, Body: body}, testNow)
		if failure != nil {
			require.NotEmpty(t, failure.Kind)
			require.NotEmpty(t, failure.Problem)
			require.Equal(t, failure.Kind == provider.RateLimited, failure.RetryAfter > 0)
			require.LessOrEqual(t, failure.RetryAfter, addressBlock)
			return
		}
		if page, err := departmentPage(a, "1"); err == nil {
			for _, d := range page.Departments {
				id, err := strconv.ParseInt(d.ExternalID, 10, 64)
				require.NoError(t, err)
				require.Positive(t, id)
				require.True(t, json.Valid(d.Raw))
			}
		}
		if items, next, err := readUserPage(a, 100); err == nil {
			page := (&client{zone: time.UTC}).memberPage(items, "1", next)
			require.Equal(t, len(items), len(page.Members)+len(page.Bad))
			require.NotEqual(t, "100", next)
		}
		if s, err := readScopes(a); err == nil {
			for _, id := range append(s.departments, s.people...) {
				require.NotEmpty(t, id)
			}
		}
	})
}

// FuzzRecord feeds single records to the mapping.
func FuzzRecord(f *testing.F) {
	for _, raw := range []string{
		richUser, poorUser, `{}`, `null`, `[]`, `{"userid":7}`,
		`{"userid":"u","dept_id_list":[3,1,2],"leader_in_dept":[{"dept_id":1,"leader":true}]}`,
		`{"userid":"u","mobile":13800000001,"state_code":86,"title":1e400,"unionid":null}`,
		`{"userid":"u","dept_id_list":[1e3,{"a":[]},"x",-1],"dept_position_list":[{"dept_id":1,"is_main":true}]}`,
		`{"userid":"\ud800","a":{"b":[1.0,9007199254740993]}}`,
		`{"dept_id":9223372036854775807,"member_count":-1,"order":9223372036854775808}`,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, ok := wire.Parse(raw)
		if !ok {
			return
		}
		d := toDepartment(r, 42, "1")
		require.True(t, json.Valid(d.Raw))
		require.True(t, d.DeclaredMembers == nil || *d.DeclaredMembers >= 0 && *d.DeclaredMembers <= math.MaxInt32)
		m, problem := toMember(r, time.UTC)
		if problem != "" {
			return
		}
		for _, id := range []string{m.ExternalID, m.UnionID} {
			require.Empty(t, directory.IDProblem(id))
		}
		require.NotEmpty(t, m.ExternalID)
		again, ok := wire.Parse(m.Raw)
		require.True(t, ok)
		require.NotContains(t, again, "leader")
		require.Equal(t, string(m.Raw), string(again.Canonical(nil, unorderedOfMember)), "canonical is a fixed point")
		for _, membership := range allMemberships(r) {
			require.False(t, strings.HasPrefix(membership.DepartmentID, "-"))
		}
	})
}
