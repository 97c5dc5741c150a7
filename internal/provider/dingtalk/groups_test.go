package dingtalk

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

const (
	rolesPath   = "/topapi/role/list"
	holdersPath = "/topapi/role/simplelist"
	adminsPath  = "/topapi/user/listadmin"
)

func TestRolesInPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{rolesPath: byBody(map[string]string{
		`{"offset":0,"size":200}`: `{"errcode":0,"result":{"hasMore":true,"list":[
			{"groupId":3935000001,"name":"默认","roles":[{"id":3935000013,"name":"主管理员"},{"id":"7","name":"x"},{"name":"y"},null]},
			{"groupId":2,"name":"职务"},[]]},"request_id":"16a"}`,
		`{"offset":200,"size":200}`: `{"errcode":0,"result":{"hasMore":false,"list":[{"groupId":2,"roles":[{"id":5}]},{"groupId":3,"name":"z","roles":[]}]},"request_id":"16b"}`,
	})})
	first, err := f.ListGroups(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(provider.GroupPage{
		Groups: []provider.FoundGroup{{MembersMethod: methodRole, Group: directory.Group{
			ExternalID: "3935000013", Kind: directory.Role, Name: ptr("主管理员"), Category: ptr("默认"),
			Raw: json.RawMessage(`{"groupId":3935000001,"id":3935000013,"name":"主管理员"}`),
		}}},
		Bad: []string{
			"record 1: role 2: no usable id", "record 1: role 3: no usable id", "record 1: role 4: no usable id",
			"record 2: no list of roles", "record 3: no list of roles",
		},
		Next: "200", Request: "16a",
	}, first))
	second, err := f.ListGroups(t.Context(), first.Next)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(provider.GroupPage{
		Groups: []provider.FoundGroup{{MembersMethod: methodRole, Group: directory.Group{
			ExternalID: "5", Kind: directory.Role, Raw: json.RawMessage(`{"groupId":2,"id":5}`),
		}}},
		Request: "16b",
	}, second))
}

func TestHoldersOfARole(t *testing.T) {
	t.Parallel()
	f := newFixture(t, map[string]func(call) reply{holdersPath: byBody(map[string]string{
		`{"role_id":5,"offset":100,"size":100}`: `{"errcode":0,"result":{"hasMore":false,"list":[
			{"userid":"u1","name":"A","manageScopes":[{"dept_id":9,"name":"x"},{"dept_id":2},{"dept_id":9}]},
			{"userid":"u2","manageScopes":[]},{"userid":"u3","manageScopes":[{"name":"x"}]},{"userid":"u4","manageScopes":{}},{"userid":7},null]},"request_id":"16a"}`,
	})})
	page, err := f.ListGroupMembers(t.Context(), provider.GroupQuery{Group: "5", Method: methodRole, Cursor: "100"})
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(provider.GroupMemberPage{
		Members: []directory.GroupMember{{Member: "u1", Scope: []string{"2", "9"}}, {Member: "u2"}},
		Bad: []string{
			`record 3 (userid "u3"): manageScopes holds something that is not a department`,
			`record 4 (userid "u4"): manageScopes holds something that is not a department`,
			"record 5: userid is not a string", "record 6: no userid",
		},
		Request: "16a",
	}, page))
}

func TestRolesFail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cursor, body string
		want         provider.Kind
	}{
		"no permission":             {"", noPermission, provider.Forbidden},
		"position refused":          {"200", `{"errcode":40068,"errmsg":"x"}`, provider.CursorExpired},
		"position of another build": {"abc", "", provider.CursorExpired},
		"position below the first":  {"-1", "", provider.CursorExpired},
		"role deleted":              {"", `{"errcode":33011,"errmsg":"x"}`, provider.NotFound},
		"no result":                 {"", `{"errcode":0}`, provider.Malformed},
		"no hasMore":                {"", `{"errcode":0,"result":{"list":[]}}`, provider.Malformed},
		"the other spelling":        {"", `{"errcode":0,"result":{"has_more":false,"list":[]}}`, provider.Malformed},
		"list an object":            {"", `{"errcode":0,"result":{"hasMore":false,"list":{}}}`, provider.Malformed},
		"empty and more":            {"", `{"errcode":0,"result":{"hasMore":true,"list":[]}}`, provider.Malformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, map[string]func(call) reply{rolesPath: always(tt.body), holdersPath: always(tt.body)})
			groups, err := f.ListGroups(t.Context(), tt.cursor)
			requireError(t, err, tt.want)
			require.Equal(t, provider.GroupPage{}, groups)
			members, err := f.ListGroupMembers(t.Context(),
				provider.GroupQuery{Group: "5", Method: methodRole, Cursor: tt.cursor})
			requireError(t, err, tt.want)
			require.Equal(t, provider.GroupMemberPage{}, members)
		})
	}
	f := newFixture(t, nil)
	_, err := f.ListGroupMembers(t.Context(), provider.GroupQuery{Group: "5", Method: "tag"})
	requireError(t, err, provider.Invalid)
	_, err = f.ListGroupMembers(t.Context(), provider.GroupQuery{Group: "x", Method: methodRole})
	requireError(t, err, provider.Invalid)
}

func TestAdministrators(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", directory.MaxID+1)
	f := newFixture(t, map[string]func(call) reply{adminsPath: always(`{"errcode":0,"request_id":"16a","result":[
		{"userid":"u1","sys_level":1},{"userid":"u2","sys_level":2},{"userid":"u3","sys_level":100},
		{"userid":"u4"},{"sys_level":1},{"userid":"` + long + `","sys_level":1},null]}`)})
	page, err := f.ListAdministrators(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(provider.AdministratorPage{
		Administrators: []directory.Administrator{
			{Member: "u1", Level: directory.MainAdministrator}, {Member: "u2", Level: directory.SubAdministrator},
			{Member: "u3", Level: "100"},
		},
		Bad: []string{
			`record 4 (userid "u4"): no usable sys_level`, "record 5: no userid",
			"record 6: userid is longer than 512 bytes", "record 7: no userid",
		},
		Request: "16a",
	}, page))
	_, err = f.ListAdministrators(t.Context(), "2")
	requireError(t, err, provider.CursorExpired)
	for body, want := range map[string]provider.Kind{
		noPermission: provider.Forbidden, `{"errcode":0}`: provider.Malformed,
		`{"errcode":0,"result":{}}`: provider.Malformed,
	} {
		_, err := newFixture(t, map[string]func(call) reply{adminsPath: always(body)}).ListAdministrators(t.Context(),
			"")
		requireError(t, err, want)
	}
}

// FuzzGroups feeds whole answers to the readers of roles and administrators.
func FuzzGroups(f *testing.F) {
	for _, body := range []string{
		`{"errcode":0,"result":{"hasMore":true,"list":[{"groupId":1,"name":"x","roles":[{"id":3935000013,"name":"y"},{"id":-1}]},null]}}`,
		`{"errcode":0,"result":{"hasMore":false,"list":[{"userid":"u1","manageScopes":[{"dept_id":9},{"dept_id":1e3}]},{"userid":7}]}}`,
		`{"errcode":0,"result":[{"userid":"u1","sys_level":1},{"sys_level":"2"}]}`,
		`{"errcode":0,"result":{"hasMore":true,"list":[]}}`, `{"errcode":0}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, failure := interpret(roleList, &provider.Reply{Status: 200, Body: body}, testNow)
		if failure != nil {
			return
		}
		if page, err := rolePage(a, 200); err == nil {
			require.Contains(t, []string{"", "400"}, page.Next)
			for _, g := range page.Groups {
				require.NotEmpty(t, g.ExternalID)
				require.True(t, json.Valid(g.Raw))
			}
		}
		if page, err := holderPage(a, 0); err == nil {
			for _, m := range page.Members {
				require.NotEmpty(t, m.Member)
				require.Empty(t, directory.IDProblem(m.Member))
				require.NotContains(t, m.Scope, "")
			}
		}
		if page, err := administratorPage(a); err == nil {
			for _, one := range page.Administrators {
				require.NotEmpty(t, one.Member)
				require.NotEmpty(t, one.Level)
			}
		}
	})
}
