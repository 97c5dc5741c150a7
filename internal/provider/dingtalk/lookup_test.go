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
		"one twice":               {"42", `{"errcode":0,"result":{"userid_list":["a","b","a"]}}`, 2},
		"none":                    {"42", `{"errcode":0,"result":{"userid_list":[]}}`, 0},
		"list missing":            {"42", `{"errcode":0,"result":{}}`, 0},
		"granted in place of all": {"1", `{"errcode":0,"result":{"userid_list":["a","b","c"]}}`, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{"/topapi/user/listid": always(tt.body),
				"/auth/scopes": always(limitedScopes)})
			got, err := f.CountMembers(t.Context(), tt.department)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	f := newFixture(t, map[string]func(call) reply{"/auth/scopes": always(fullScopes),
		"/topapi/user/listid": byBody(map[string]string{
			`{"dept_id":1}`: `{"errcode":0,"result":{"userid_list":["a","b","c"]}}`})})
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
			"/topapi/user/listid": always(body), "/topapi/v2/department/listsubid": always(body),
			"/auth/scopes": always(body)})
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

func TestFind(t *testing.T) {
	t.Parallel()
	type verdict struct {
		result provider.LookupResult
		fails  provider.Kind
	}
	fails := func(kind provider.Kind) verdict { return verdict{fails: kind} }
	there, gone, unseen := verdict{result: provider.LookupExists}, verdict{result: provider.LookupNotFound}, verdict{
		result: provider.LookupNotVisible}
	tests := map[string]struct {
		body               string
		member, department verdict
	}{
		"there": {`{"errcode":0,"result":{"userid":"42","dept_id":42}}`, there, there},
		"account switched off": {
			`{"errcode":0,"result":{"userid":"42","active":false,"disable_status":true,"dept_id":42}}`, there, there},
		"in no department": {`{"errcode":0,"result":{"userid":"42","dept_id_list":[],"dept_id":42}}`, there,
			there},
		"person unknown":          {`{"errcode":60121,"errmsg":"找不到该用户"}`, gone, fails(provider.NotFound)},
		"userid invalid":          {`{"errcode":33012,"errmsg":"x"}`, gone, fails(provider.NotFound)},
		"department unknown":      {`{"errcode":60003,"errmsg":"部门不存在"}`, fails(provider.NotFound), gone},
		"person out of range":     {`{"errcode":50002,"errmsg":"x"}`, unseen, unseen},
		"department out of range": {`{"errcode":50004,"errmsg":"x"}`, unseen, unseen},
		"busy": {`{"errcode":-1,"errmsg":"x"}`, fails(provider.Unavailable),
			fails(provider.Unavailable)},
		"no permission": {`{"errcode":88,"sub_code":"60011"}`, fails(provider.Forbidden),
			fails(provider.Forbidden)},
		"wrong path":   {`{"errcode":22,"errmsg":"x"}`, fails(provider.Invalid), fails(provider.Invalid)},
		"nothing said": {`{"errcode":0}`, fails(provider.Malformed), fails(provider.Malformed)},
		"another id than asked": {`{"errcode":0,"result":{"userid":"43","dept_id":43}}`, fails(provider.Malformed),
			fails(provider.Malformed)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{
				"/topapi/v2/user/get": always(tt.body), "/topapi/v2/department/get": always(tt.body)})
			for _, unionID := range []string{"", "aB3"} { // the answers name none to compare it with
				result, err := f.LookupMember(t.Context(), provider.MemberRef{ExternalID: "42", UnionID: unionID})
				require.Equal(t, tt.member, verdict{result, provider.KindOf(err)})
			}
			result, err := f.LookupDepartment(t.Context(), "42")
			require.Equal(t, tt.department, verdict{result, provider.KindOf(err)})
		})
	}
}

// A userid may have been given to somebody else, who then hides what became of the
// person asked for.
func TestARecycledUserIDSaysNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		known, record string
		want          provider.LookupResult
	}{
		"same person":            {"aB3", `{"userid":"42","unionid":"aB3"}`, provider.LookupExists},
		"somebody else":          {"aB3", `{"userid":"42","unionid":"cD5"}`, provider.LookupIDReused},
		"unlike by case alone":   {"aB3", `{"userid":"42","unionid":"Ab3"}`, provider.LookupIDReused},
		"none known":             {"", `{"userid":"42","unionid":"cD5"}`, provider.LookupExists},
		"none sent":              {"aB3", `{"userid":"42"}`, provider.LookupExists},
		"null sent":              {"aB3", `{"userid":"42","unionid":null}`, provider.LookupExists},
		"empty one sent":         {"aB3", `{"userid":"42","unionid":""}`, provider.LookupExists},
		"neither known nor sent": {"", `{"userid":"42"}`, provider.LookupExists},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t,
				map[string]func(call) reply{"/topapi/v2/user/get": always(`{"errcode":0,"result":` + tt.record + `}`)})
			result, err := f.LookupMember(t.Context(), provider.MemberRef{ExternalID: "42", UnionID: tt.known})
			require.NoError(t, err)
			require.Equal(t, tt.want, result)
		})
	}
}

func TestNobodyIsGoneWithoutAnID(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{"/topapi/v2/user/get": always(`{"errcode":33012,"errmsg":"x"}`)})
	result, err := f.LookupMember(t.Context(), provider.MemberRef{UnionID: "aB3"})
	requireError(t, err, provider.Invalid)
	require.Empty(t, result)
}

func TestReadMember(t *testing.T) {
	t.Parallel()
	yes := true
	for body, want := range map[string][]directory.Membership{
		`{"errcode":0,"result":{"userid":"42"}}`:                   nil,
		`{"errcode":0,"result":{"userid":"42","dept_id_list":[]}}`: {},
		`{"errcode":0,"result":{"userid":"42","dept_id_list":[7],"leader_in_dept":[{"dept_id":7,"leader":true}],"dept_position_list":[{"dept_id":7,"is_main":true}]}}`: {
			{DepartmentID: "7", Leader: &yes, PrimaryRank: ptr(int64(1))},
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

// A department that no listing shows is read like one that a listing did.
func TestReadDepartment(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{"/topapi/v2/department/get": byBody(map[string]string{
		`{"dept_id":42}`: `{"errcode":0,"result":{"dept_id":42,"parent_id":1,"name":"Own"}}`,
		`{"dept_id":43}`: `{"errcode":60003,"errmsg":"x"}`,
		`{"dept_id":44}`: `{"errcode":50004,"errmsg":"x"}`,
	})})
	found, err := f.ReadDepartment(t.Context(), "42")
	require.NoError(t, err)
	require.Equal(t, []any{"42", "1", "Own", methodLevel, methodDepartment},
		[]any{found.ExternalID, found.ParentID, *found.Name, found.ChildrenMethod, found.MembersMethod})
	for id, kind := range map[string]provider.Kind{"43": provider.NotFound, "44": provider.OutOfRange} {
		_, err := f.ReadDepartment(t.Context(), id)
		require.Equal(t, kind, provider.KindOf(err))
	}
}
