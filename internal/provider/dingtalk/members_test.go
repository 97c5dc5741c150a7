package dingtalk

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

func listBody(cursor int) string {
	return fmt.Sprintf(`{"dept_id":42,"cursor":%d,"size":100,"contain_access_limit":false}`, cursor)
}

func TestMembersOfADepartmentInPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{"/topapi/v2/user/list": byBody(map[string]string{
		listBody(
			0): `{"errcode":0,"result":{"has_more":true,"next_cursor":100,"list":[{"userid":"0123","name":"A","leader":true,"dept_order":176274948238067512,"dept_id_list":[43,42]}]}}`,
		listBody(
			100): `{"errcode":0,"result":{"has_more":true,"next_cursor":200,"list":[{"userid":"u2","leader":false},{"name":"no id"},{"userid":7},{"userid":""},[]]}}`,
		listBody(200): `{"errcode":0,"result":{"has_more":false,"list":[]}}`,
	})})
	q := provider.Query{Department: "42", Method: methodDepartment}
	var members []directory.Member
	var bad []string
	for range 3 {
		page, err := f.ListDepartmentMembers(t.Context(), q)
		require.NoError(t, err)
		members, bad, q.Cursor = append(members, page.Members...), append(bad, page.Bad...), page.Next
	}
	require.Empty(t, q.Cursor)
	require.Equal(t, []string{"record 2: no userid", "record 3: userid is not a string", "record 4: no userid",
		"record 5: no userid"}, bad)
	unset := directory.Attributes{directory.Alias: nil, directory.Telephone: nil, directory.HiredAt: nil}
	require.Empty(t, cmp.Diff([]directory.Member{
		{ExternalID: "0123",
			Profile: sentIfSet(directory.Profile{Name: ptr("A"), Status: ptr(directory.Active), Attributes: unset},
				record{}),
			Memberships: []directory.Membership{
				{DepartmentID: "42", Leader: ptr(true), SortOrder: ptr(int64(176274948238067512))}},
			Raw: json.RawMessage(`{"dept_id_list":[42,43],"name":"A","userid":"0123"}`), RawKeeps: onlyOfUserGet},
		{ExternalID: "u2", Profile: sentIfSet(directory.Profile{Status: ptr(directory.Active), Attributes: unset},
			record{}),
			Memberships: []directory.Membership{{DepartmentID: "42", Leader: ptr(false)}},
			Raw:         json.RawMessage(`{"userid":"u2"}`), RawKeeps: onlyOfUserGet},
	}, members))
}

func TestMembersFail(t *testing.T) {
	t.Parallel()
	department := provider.Query{Department: "42", Method: methodDepartment}
	at := func(cursor string) provider.Query {
		q := department
		q.Cursor = cursor
		return q
	}
	const one = `{"userid":"u1"}`
	tests := map[string]struct {
		query provider.Query
		body  string
		want  provider.Kind
	}{
		"out of range":            {department, `{"errcode":50004,"errmsg":"x"}`, provider.OutOfRange},
		"could not read":          {department, `{"errcode":60019,"errmsg":"x"}`, provider.Unavailable},
		"cursor refused":          {at("100"), `{"errcode":40068,"errmsg":"x"}`, provider.CursorExpired},
		"cursor of somebody else": {at("abc"), "", provider.CursorExpired},
		"no result":               {department, `{"errcode":0}`, provider.Malformed},
		"result a list":           {department, `{"errcode":0,"result":[]}`, provider.Malformed},
		"result empty":            {department, `{"errcode":0,"result":{}}`, provider.Malformed},
		"no has_more":             {department, `{"errcode":0,"result":{"list":[` + one + `]}}`, provider.Malformed},
		"has_more a number":       {department, `{"errcode":0,"result":{"has_more":0,"list":[]}}`, provider.Malformed},
		"has_more null": {department, `{"errcode":0,"result":{"has_more":null,"list":[]}}`,
			provider.Malformed},
		"list an object": {department, `{"errcode":0,"result":{"has_more":false,"list":` + one + `}}`,
			provider.Malformed},
		"more without a cursor": {department, `{"errcode":0,"result":{"has_more":true,"list":[` + one + `]}}`,
			provider.Malformed},
		"cursor a string": {department,
			`{"errcode":0,"result":{"has_more":true,"next_cursor":"100","list":[` + one + `]}}`, provider.Malformed},
		"first cursor again": {department,
			`{"errcode":0,"result":{"has_more":true,"next_cursor":0,"list":[` + one + `]}}`, provider.Malformed},
		"same cursor": {at("100"),
			`{"errcode":0,"result":{"has_more":true,"next_cursor":100,"list":[` + one + `]}}`, provider.Malformed},
		"cursor going back": {at("200"),
			`{"errcode":0,"result":{"has_more":true,"next_cursor":100,"list":[` + one + `]}}`, provider.Malformed},
		"unknown listing":         {provider.Query{Department: "42", Method: "corp"}, "", provider.Invalid},
		"department not a number": {provider.Query{Department: "x", Method: methodDepartment}, "", provider.Invalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{"/topapi/v2/user/list": always(tt.body)})
			page, err := f.ListDepartmentMembers(t.Context(), tt.query)
			requireError(t, err, tt.want)
			require.Equal(t, provider.MemberPage{}, page)
		})
	}
}

// A position that advances is progress, whoever the page brings.
func TestEmptyPageMayNameANextOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t,
		map[string]func(call) reply{"/topapi/v2/user/list": always(
			`{"errcode":0,"result":{"has_more":true,"next_cursor":100,"list":[]}}`)})
	page, err := f.ListDepartmentMembers(t.Context(), provider.Query{Department: "42", Method: methodDepartment})
	require.NoError(t, err)
	require.Equal(t, provider.MemberPage{Next: "100"}, page)
}

func TestMembersWhoseIDsCannotBeStored(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", directory.MaxID+1)
	f := newFixture(t,
		map[string]func(call) reply{"/topapi/v2/user/list": always(`{"errcode":0,"result":{"has_more":false,"list":[
		{"userid":"a\u0000b","unionid":"aB3","name":"` + personalText + `"},{"userid":"` + long +
			`"},{"userid":"u3","unionid":"` + long + `"},
		{"userid":"` + long[1:] + `"}]}}`)})
	page, err := f.ListDepartmentMembers(t.Context(), provider.Query{Department: "42", Method: methodDepartment})
	require.NoError(t, err)
	require.Equal(t, []string{
		`record 1 (unionid "aB3"): userid contains U+0000`, "record 2: userid is longer than 512 bytes",
		`record 3 (userid "u3"): unionid is longer than 512 bytes`,
	}, page.Bad)
	require.Len(t, page.Members, 1)
	require.Len(t, page.Members[0].ExternalID, directory.MaxID)
}

func TestMissingListIsEmpty(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"errcode":0,"result":{"has_more":false}}`,
		`{"errcode":0,"result":{"has_more":false,"list":null}}`} {
		f := newFixture(t, map[string]func(call) reply{"/topapi/v2/user/list": always(body)})
		page, err := f.ListDepartmentMembers(t.Context(), provider.Query{Department: "42", Method: methodDepartment})
		require.NoError(t, err)
		require.Equal(t, provider.MemberPage{}, page)
	}
}

// granted answers auth/scopes with people p01 to p45 and user/get with a record
// for each, unless their number is among the missing.
func granted(missing func(id string) bool) map[string]func(call) reply {
	var ids []string
	for i := 45; i >= 1; i-- {
		ids = append(ids, fmt.Sprintf("p%02d", i))
	}
	encoded, _ := json.Marshal(ids)
	return map[string]func(call) reply{
		"/auth/scopes": always(`{"errcode":0,"auth_org_scopes":{"authed_dept":[],"authed_user":` + string(encoded) +
			`}}`),
		"/topapi/v2/user/get": func(c call) reply {
			id := strings.TrimSuffix(strings.TrimPrefix(c.rawBody, `{"userid":"`), `"}`)
			if missing(id) {
				return reply{body: `{"errcode":60121,"errmsg":"找不到该用户"}`}
			}
			return reply{body: fmt.Sprintf(`{"errcode":0,"result":{"userid":%q,"name":"x"}}`, id)}
		},
	}
}

func TestGrantedPeopleInPages(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		missing func(string) bool
		want    []int
	}{
		"all there":                  {func(string) bool { return false }, []int{20, 20, 5}},
		"some left":                  {func(id string) bool { return id == "p03" || id == "p45" }, []int{19, 20, 4}},
		"a whole page left":          {func(id string) bool { return id <= "p25" }, []int{1, 19}},
		"all after the first left":   {func(id string) bool { return id > "p20" }, []int{20, 0}},
		"everybody left in mid-walk": {func(string) bool { return true }, []int{0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, granted(tt.missing))
			q := provider.Query{Department: "1", Method: methodGranted}
			seen := map[string]bool{}
			for i, n := range tt.want {
				page, err := f.ListDepartmentMembers(t.Context(), q)
				require.NoError(t, err)
				require.Len(t, page.Members, n)
				require.Equal(t, i == len(tt.want)-1, page.Next == "")
				for _, m := range page.Members {
					seen[m.ExternalID] = true
				}
				q.Cursor = page.Next
			}
			for i := 1; i <= 45; i++ {
				id := fmt.Sprintf("p%02d", i)
				require.Equal(t, !tt.missing(id), seen[id], id)
			}
		})
	}
}

func TestGrantedCursorSurvivesChangedGrants(t *testing.T) {
	t.Parallel()
	f := newFixture(t, granted(func(string) bool { return false }))
	page, err := f.ListDepartmentMembers(t.Context(),
		provider.Query{Department: "1", Method: methodGranted, Cursor: "p43x"})
	require.NoError(t, err)
	require.Len(t, page.Members, 2)
	require.Equal(t, "p44", page.Members[0].ExternalID)
}

func TestNobodyGrantedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t,
		map[string]func(call) reply{"/auth/scopes": always(
			`{"errcode":0,"auth_org_scopes":{"authed_dept":[5],"authed_user":[]}}`)})
	page, err := f.ListDepartmentMembers(t.Context(), provider.Query{Department: "1", Method: methodGranted})
	require.NoError(t, err)
	require.Equal(t, provider.MemberPage{}, page)
}

// One person who cannot be read costs only that person.
func TestGrantedPersonOutOfRangeIsSetAside(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{
		"/auth/scopes": always(`{"errcode":0,"auth_org_scopes":{"authed_dept":[5],"authed_user":["u1","u2"]}}`),
		"/topapi/v2/user/get": byBody(map[string]string{
			`{"userid":"u1"}`: `{"errcode":50002,"errmsg":"请求的员工userid不在授权范围内"}`,
			`{"userid":"u2"}`: `{"errcode":0,"result":{"userid":"u2"}}`,
		}),
	})
	page, err := f.ListDepartmentMembers(t.Context(), provider.Query{Department: "1", Method: methodGranted})
	require.NoError(t, err)
	require.Equal(t, []string{`member "u1": granted, but out of range`}, page.Bad)
	require.Len(t, page.Members, 1)
}

func TestGrantedPeopleFail(t *testing.T) {
	t.Parallel()
	const scopes = `{"errcode":0,"auth_org_scopes":{"authed_dept":[5],"authed_user":["u1","u2"]}}`
	tests := map[string]struct {
		scopes, user string
		want         provider.Kind
	}{
		"range widened meanwhile": {fullScopes, "", provider.OutOfRange},
		"scopes refused":          {`{"errcode":88,"sub_code":"60011"}`, "", provider.Forbidden},
		"no result":               {scopes, `{"errcode":0}`, provider.Malformed},
		"no userid":               {scopes, `{"errcode":0,"result":{"name":"x"}}`, provider.Malformed},
		"another person":          {scopes, `{"errcode":0,"result":{"userid":"u9"}}`, provider.Malformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{"/auth/scopes": always(tt.scopes),
				"/topapi/v2/user/get": always(tt.user)})
			_, err := f.ListDepartmentMembers(t.Context(), provider.Query{Department: "1", Method: methodGranted})
			requireError(t, err, tt.want)
		})
	}
}
