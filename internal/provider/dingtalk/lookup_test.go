package dingtalk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

func TestCountMembers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		department, body string
		want             int
	}{
		"some":                    {"42", `{"errcode":0,"result":{"userid_list":["a","b"]}}`, 2},
		"none":                    {"42", `{"errcode":0,"result":{"userid_list":[]}}`, 0},
		"list missing":            {"42", `{"errcode":0,"result":{}}`, 0},
		"granted in place of all": {"1", `{"errcode":0,"result":{"userid_list":["a","b","c"]}}`, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{"/topapi/user/listid": always(tt.body), "/auth/scopes": always(limitedScopes)})
			got, err := f.CountMembers(t.Context(), tt.department)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	f := newFixture(t, map[string]func(call) reply{"/auth/scopes": always(fullScopes),
		"/topapi/user/listid": byBody(map[string]string{`{"dept_id":1}`: `{"errcode":0,"result":{"userid_list":["a","b","c"]}}`})})
	got, err := f.CountMembers(t.Context(), "1")
	require.NoError(t, err)
	require.Equal(t, 3, got)
}

func TestCountChildren(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{"/topapi/v2/department/listsubid": byBody(map[string]string{
		`{"dept_id":1}`:  `{"errcode":0,"result":{"dept_id_list":[901000101,-7,901000202,0]}}`,
		`{"dept_id":42}`: `{"errcode":0,"result":{}}`,
	})})
	for department, want := range map[string]int{"1": 2, "42": 0} {
		got, err := f.CountChildren(t.Context(), department)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestCountsFail(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]provider.Kind{
		`{"errcode":0}`: provider.Malformed,
		`{"errcode":0,"result":{"userid_list":{},"dept_id_list":{}}}`:      provider.Malformed,
		`{"errcode":0,"result":{"userid_list":"[]","dept_id_list":["1"]}}`: provider.Malformed,
		`{"errcode":60003,"errmsg":"x"}`:                                   provider.NotFound,
	} {
		f := newFixture(t, map[string]func(call) reply{
			"/topapi/user/listid": always(body), "/topapi/v2/department/listsubid": always(body), "/auth/scopes": always(body)})
		_, err := f.CountMembers(t.Context(), "42")
		requireError(t, err, want)
		_, err = f.CountChildren(t.Context(), "42")
		requireError(t, err, want)
		_, err = f.CountMembers(t.Context(), "1")
		require.Error(t, err)
	}
	f := newFixture(t, nil)
	_, err := f.CountMembers(t.Context(), "x")
	requireError(t, err, provider.Invalid)
	_, err = f.CountChildren(t.Context(), "x")
	requireError(t, err, provider.Invalid)
}

func TestGone(t *testing.T) {
	t.Parallel()
	const no = provider.Kind("")
	type verdict struct {
		gone  bool
		fails provider.Kind
	}
	tests := map[string]struct {
		body               string
		member, department verdict
	}{
		"there":                   {`{"errcode":0,"result":{"userid":"42","dept_id":42}}`, verdict{false, no}, verdict{false, no}},
		"person unknown":          {`{"errcode":60121,"errmsg":"找不到该用户"}`, verdict{true, no}, verdict{false, provider.NotFound}},
		"userid invalid":          {`{"errcode":33012,"errmsg":"x"}`, verdict{true, no}, verdict{false, provider.NotFound}},
		"department unknown":      {`{"errcode":60003,"errmsg":"部门不存在"}`, verdict{false, provider.NotFound}, verdict{true, no}},
		"person out of range":     {`{"errcode":50002,"errmsg":"x"}`, verdict{false, no}, verdict{false, no}},
		"department out of range": {`{"errcode":50004,"errmsg":"x"}`, verdict{false, no}, verdict{false, no}},
		"busy":                    {`{"errcode":-1,"errmsg":"x"}`, verdict{false, provider.Unavailable}, verdict{false, provider.Unavailable}},
		"no permission":           {`{"errcode":88,"sub_code":"60011"}`, verdict{false, provider.Forbidden}, verdict{false, provider.Forbidden}},
		"wrong path":              {`{"errcode":22,"errmsg":"x"}`, verdict{false, provider.Invalid}, verdict{false, provider.Invalid}},
		"nothing said":            {`{"errcode":0}`, verdict{false, provider.Malformed}, verdict{false, provider.Malformed}},
		"somebody else":           {`{"errcode":0,"result":{"userid":"43","dept_id":43}}`, verdict{false, provider.Malformed}, verdict{false, provider.Malformed}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{
				"/topapi/v2/user/get": always(tt.body), "/topapi/v2/department/get": always(tt.body)})
			gone, err := f.MemberGone(t.Context(), provider.MemberRef{ExternalID: "42"})
			require.Equal(t, tt.member, verdict{gone, provider.KindOf(err)})
			gone, err = f.DepartmentGone(t.Context(), "42")
			require.Equal(t, tt.department, verdict{gone, provider.KindOf(err)})
		})
	}
}

func TestNobodyIsGoneWithoutAnID(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{"/topapi/v2/user/get": always(`{"errcode":33012,"errmsg":"x"}`)})
	gone, err := f.MemberGone(t.Context(), provider.MemberRef{UnionID: "aB3"})
	requireError(t, err, provider.Invalid)
	require.False(t, gone)
}

func TestReadMember(t *testing.T) {
	t.Parallel()
	yes := true
	for body, want := range map[string][]directory.Membership{
		`{"errcode":0,"result":{"userid":"42"}}`:                   nil,
		`{"errcode":0,"result":{"userid":"42","dept_id_list":[]}}`: {},
		`{"errcode":0,"result":{"userid":"42","dept_id_list":[7],"leader_in_dept":[{"dept_id":7,"leader":true}],"dept_position_list":[{"dept_id":7,"is_main":true}]}}`: {
			{DepartmentID: "7", Leader: &yes}, // no rank: listings know none
		},
	} {
		f := newFixture(t, map[string]func(call) reply{"/topapi/v2/user/get": always(body)})
		m, gone, err := f.ReadMember(t.Context(), provider.MemberRef{ExternalID: "42"})
		require.NoError(t, err)
		require.False(t, gone)
		require.Equal(t, want, m.Memberships, body)
	}
	f := newFixture(t, map[string]func(call) reply{"/topapi/v2/user/get": always(`{"errcode":50002,"errmsg":"x"}`)})
	_, _, err := f.ReadMember(t.Context(), provider.MemberRef{ExternalID: "42"})
	requireError(t, err, provider.OutOfRange)
}
