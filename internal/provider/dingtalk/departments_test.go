package dingtalk

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

const (
	fullScopes    = `{"errcode":0,"condition_field":[],"auth_user_field":["name"],"auth_org_scopes":{"authed_user":["9"],"authed_dept":[7,1]},"errmsg":"ok"}`
	limitedScopes = `{"errcode":0,"auth_org_scopes":{"authed_user":["u2","007","u2"],"authed_dept":[901000202,-7,901000101,901000101]},"errmsg":"ok"}`
	rootAnswer    = `{"errcode":0,"result":{"dept_id":1,"name":"示例公司","member_count":42,"owning_member_count":3,"order":0,"user_permits":["b","a"]},"request_id":"16aa"}`
)

func ptr[T any](v T) *T { return &v }

func TestRootsOfTheWholeCompany(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{
		"/auth/scopes":              always(fullScopes),
		"/topapi/v2/department/get": byBody(map[string]string{`{"dept_id":1}`: rootAnswer}),
	})
	roots, _, err := f.ListRoots(t.Context())
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]provider.FoundDepartment{{
		Department: directory.Department{ExternalID: "1", Name: ptr("示例公司"), SortOrder: ptr(int64(0)),
			DeclaredMembers: ptr(42),
			Raw:             []byte(`{"dept_id":1,"name":"示例公司","order":0,"user_permits":["a","b"]}`)},
		ChildrenMethod: "level", MembersMethod: "department",
	}}, roots))
}

func TestRootsOfALimitedRange(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{
		"/auth/scopes": always(limitedScopes),
		"/topapi/v2/department/get": byBody(map[string]string{
			`{"dept_id":901000101}`: `{"errcode":0,"result":{"dept_id":901000101,"name":"研发中心","parent_id":55}}`,
			`{"dept_id":901000202}`: `{"errcode":0,"result":{"dept_id":901000202,"name":"财务部"}}`,
		}),
	})
	roots, _, err := f.ListRoots(t.Context())
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]provider.FoundDepartment{
		{Department: directory.Department{ExternalID: "1", Name: ptr("Root"), Raw: []byte(`{}`)},
			MembersMethod: "granted"},
		{Department: directory.Department{ExternalID: "901000101", ParentID: "55", Name: ptr("研发中心"),
			Raw: []byte(`{"dept_id":901000101,"name":"研发中心","parent_id":55}`)}, ChildrenMethod: "level",
			MembersMethod: "department"},
		{Department: directory.Department{ExternalID: "901000202", ParentID: "1", Name: ptr("财务部"),
			Raw: []byte(`{"dept_id":901000202,"name":"财务部"}`)}, ChildrenMethod: "level", MembersMethod: "department"},
	}, roots))
}

func TestRootsLeaveOutDeletedGrants(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{
		"/auth/scopes": always(limitedScopes),
		"/topapi/v2/department/get": byBody(map[string]string{
			`{"dept_id":901000101}`: `{"errcode":60003,"errmsg":"部门不存在"}`,
			`{"dept_id":901000202}`: `{"errcode":0,"result":{"dept_id":901000202,"name":"财务部","parent_id":1}}`,
		}),
	})
	roots, _, err := f.ListRoots(t.Context())
	require.NoError(t, err)
	require.Len(t, roots, 2)
	require.Equal(t, "901000202", roots[1].ExternalID)
}

// One granted department that cannot be read stays in the walk by its id.
func TestRootsKeepGrantsOutOfRange(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{
		"/auth/scopes": always(limitedScopes),
		"/topapi/v2/department/get": byBody(map[string]string{
			`{"dept_id":901000101}`: `{"errcode":50004,"errmsg":"请求的部门id不在授权范围内"}`,
			`{"dept_id":901000202}`: `{"errcode":0,"result":{"dept_id":901000202,"name":"财务部","parent_id":1}}`,
		}),
	})
	roots, _, err := f.ListRoots(t.Context())
	require.NoError(t, err)
	require.Len(t, roots, 3)
	require.Equal(t, provider.FoundDepartment{Department: directory.Department{ExternalID: "901000101"},
		ChildrenMethod: "level", MembersMethod: "department"}, roots[1])
}

// A figure beyond what a column holds counts as not sent.
func TestFiguresBeyondTheirColumns(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]*int{
		`{"dept_id":42,"member_count":3000000000}`:           nil,
		`{"dept_id":42,"member_count":2147483648}`:           nil,
		`{"dept_id":42,"member_count":2147483647}`:           ptr(2147483647),
		`{"dept_id":42,"member_count":99999999999999999999}`: nil,
		`{"dept_id":42,"member_count":-1}`:                   nil,
		`{"dept_id":42,"member_count":1e3}`:                  nil,
	} {
		require.Equal(t, want, toDepartment(mustRecord(t, record), 42, "1").DeclaredMembers, record)
	}
	d := toDepartment(mustRecord(t, `{"dept_id":42,"order":9223372036854775808}`), 42, "1")
	require.Nil(t, d.SortOrder)
	place := directMembership(mustRecord(t, `{"dept_order":9223372036854775808}`), "42")
	require.Nil(t, place[0].SortOrder)
}

func TestRootsFail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		scopes, department string
		want               provider.Kind
	}{
		"root refused": {fullScopes, `{"errcode":88,"sub_code":"60011"}`, provider.Forbidden},
		"root empty":   {fullScopes, `{"errcode":0}`, provider.Malformed},
		"nothing visible": {`{"errcode":0,"auth_org_scopes":{"authed_user":[],"authed_dept":[-7]}}`, "",
			provider.Forbidden},
		"success without scopes": {`{"errcode":0,"errmsg":"ok"}`, "", provider.Malformed},
		"scopes empty":           {`{"errcode":0,"auth_org_scopes":{}}`, "", provider.Malformed},
		"scopes of nulls": {`{"errcode":0,"auth_org_scopes":{"authed_dept":null,"authed_user":null}}`,
			"", provider.Malformed},
		"departments an object": {`{"errcode":0,"auth_org_scopes":{"authed_dept":{}}}`, "",
			provider.Malformed},
		"people a string": {`{"errcode":0,"auth_org_scopes":{"authed_dept":[1],"authed_user":"u"}}`, "",
			provider.Malformed},
		"department id a string": {`{"errcode":0,"auth_org_scopes":{"authed_dept":["1"]}}`, "",
			provider.Malformed},
		"department id in float's form": {`{"errcode":0,"auth_org_scopes":{"authed_dept":[1.0]}}`, "",
			provider.Malformed},
		"userid with U+0000": {
			`{"errcode":0,"auth_org_scopes":{"authed_dept":[2],"authed_user":["a\u0000b"]}}`, "", provider.Malformed},
		"userid a number": {`{"errcode":0,"auth_org_scopes":{"authed_dept":[2],"authed_user":[7]}}`, "",
			provider.Malformed},
		"older path's error, no gateway": {`{"errcode":40014,"errmsg":"x"}`, "", provider.TokenRefused},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{
				"/auth/scopes":              always(tt.scopes),
				"/topapi/v2/department/get": always(tt.department),
			})
			roots, _, err := f.ListRoots(t.Context())
			requireError(t, err, tt.want)
			require.Nil(t, roots)
		})
	}
}

func TestDepartmentsOfOneLevel(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{"/topapi/v2/department/listsub": byBody(map[string]string{
		`{"dept_id":42}`: `{"errcode":0,"errmsg":"ok","result":[
			{"dept_id":9007199254740993,"name":"研发","parent_id":42,"ext":"{\"faceCount\":\"1\"}","auto_add_user":true},
			{"dept_id":-7,"name":"家校通讯录","parent_id":42},
			{"dept_id":"43","name":"an id that is a string"},
			{"name":"no id"},
			null,
			{"dept_id":44,"name":7,"parent_id":"?","order":"?"},
			{"dept_id":45,"name":""},
			{"dept_id":46,"name":null,"parent_id":0},
			{"dept_id":9223372036854775808,"parent_id":42}
		],"request_id":"16aa"}`,
	})})
	page, err := f.ListDepartments(t.Context(), provider.Query{Department: "42", Method: methodLevel})
	require.NoError(t, err)
	require.Empty(t, page.Next)
	require.Equal(t, []string{"record 3: no usable dept_id", "record 4: no usable dept_id",
		"record 5: no usable dept_id", "record 9 (parent_id 42): no usable dept_id"}, page.Bad)
	want := []directory.Department{
		{ExternalID: "9007199254740993", ParentID: "42", Name: ptr("研发"),
			Raw: []byte(
				`{"auto_add_user":true,"dept_id":9007199254740993,"ext":"{\"faceCount\":\"1\"}","name":"研发","parent_id":42}`)},
		{ExternalID: "44", ParentID: "42", Name: ptr("7"),
			Raw: []byte(`{"dept_id":44,"name":7,"order":"?","parent_id":"?"}`)},
		{ExternalID: "45", ParentID: "42", Name: ptr(""), Raw: []byte(`{"dept_id":45,"name":""}`)},
		{ExternalID: "46", ParentID: "42", Raw: []byte(`{"dept_id":46,"name":null,"parent_id":0}`)},
	}
	require.Len(t, page.Departments, len(want))
	for i, d := range page.Departments {
		require.Empty(t,
			cmp.Diff(provider.FoundDepartment{Department: want[i], ChildrenMethod: "level",
				MembersMethod: "department"}, d))
	}
}

func TestDepartmentsFail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query provider.Query
		body  string
		want  provider.Kind
	}{
		"out of range": {provider.Query{Department: "42", Method: "level"},
			`{"errcode":50004,"errmsg":"请求的部门id不在授权范围内"}`, provider.OutOfRange},
		"gone": {provider.Query{Department: "42", Method: "level"}, `{"errcode":60003,"errmsg":"x"}`,
			provider.NotFound},
		"no result": {provider.Query{Department: "42", Method: "level"}, `{"errcode":0,"errmsg":"ok"}`,
			provider.Malformed},
		"null result": {provider.Query{Department: "42", Method: "level"}, `{"errcode":0,"result":null}`,
			provider.Malformed},
		"object": {provider.Query{Department: "42", Method: "level"}, `{"errcode":0,"result":{}}`,
			provider.Malformed},
		"unknown listing": {provider.Query{Department: "42", Method: "tree"}, "", provider.Invalid},
		"no listing":      {provider.Query{Department: "42"}, "", provider.Invalid},
		"id not a number": {provider.Query{Department: "od-x", Method: "level"}, "", provider.Invalid},
		"id rewritten":    {provider.Query{Department: "042", Method: "level"}, "", provider.Invalid},
		"id below one":    {provider.Query{Department: "-7", Method: "level"}, "", provider.Invalid},
		"id too large":    {provider.Query{Department: "9223372036854775808", Method: "level"}, "", provider.Invalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{"/topapi/v2/department/listsub": always(tt.body)})
			_, err := f.ListDepartments(t.Context(), tt.query)
			requireError(t, err, tt.want)
		})
	}
}

func TestNoChildrenIsAnAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t,
		map[string]func(call) reply{"/topapi/v2/department/listsub": always(`{"errcode":0,"result":[]}`)})
	page, err := f.ListDepartments(t.Context(), provider.Query{Department: "42", Method: methodLevel})
	require.NoError(t, err)
	require.Equal(t, provider.DepartmentPage{}, page)
}
