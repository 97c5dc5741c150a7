package feishu

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

const groupMembersPath = contact + "/group/g1/member/simplelist"

// byParameter answers by one parameter of the query and the page token.
func byParameter(key string, pages map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data(pages[r.URL.Query().Get(key)+" "+r.URL.Query().Get("page_token")])(w, r)
	}
}

// allPages reads a listing to its end.
func allPages[T any](t *testing.T, read func(cursor string) (T, string, error)) (pages []T) {
	t.Helper()
	for cursor := ""; ; {
		page, next, err := read(cursor)
		require.NoError(t, err)
		require.Less(t, len(pages), 9)
		pages = append(pages, page)
		if cursor = next; cursor == "" {
			return pages
		}
	}
}

func TestGroupsOfBothTypes(t *testing.T) {
	t.Parallel()
	c, s := newFake(t, map[string]http.HandlerFunc{groupsPath: byParameter("type", map[string]string{
		"1 ": `{"has_more":true,"page_token":"a","grouplist":[{"id":"g1","group_id":"og1","name":"Contractors","description":"d",
			"member_user_count":2,"member_department_count":1,"type":1},{"name":"x"},{"id":7},null]}`,
		"1 a": `{"has_more":false,"grouplist":[]}`,
		"2 ":  `{"has_more":true,"page_token":"b","grouplist":[{"id":"g2","name":"Dynamic","description":"","member_user_count":-1}]}`,
		"2 b": `{"has_more":false}`,
	})})
	pages := allPages(t, func(cursor string) (provider.GroupPage, string, error) {
		page, err := c.ListGroups(t.Context(), cursor)
		return page, page.Next, err
	})
	require.Empty(t, cmp.Diff([]provider.GroupPage{
		{Next: "1:a", Request: "LOG1", Bad: []string{"record 2: no id", "record 3: id is not a string",
			"record 4: no id"},
			Groups: []provider.FoundGroup{{MembersMethod: methodUsersAndDepartments, Group: directory.Group{
				ExternalID: "g1", Kind: directory.UserGroup, Name: ptr("Contractors"), DeclaredMembers: ptr(2),
				Attributes: directory.Attributes{directory.GroupType: "ordinary", directory.Description: "d"},
				Raw: json.RawMessage(
					`{"description":"d","group_id":"og1","id":"g1","name":"Contractors","type":1}`),
			}}}},
		{Next: "2:", EndsList: true, Request: "LOG1"},
		{Next: "2:b", Request: "LOG1",
			Groups: []provider.FoundGroup{{MembersMethod: methodUsers, Group: directory.Group{
				ExternalID: "g2", Kind: directory.UserGroup, Name: ptr("Dynamic"),
				Attributes: directory.Attributes{directory.GroupType: "dynamic", directory.Description: nil},
				Raw:        json.RawMessage(`{"description":"","id":"g2","name":"Dynamic"}`),
			}}}},
		{Request: "LOG1"},
	}, pages))
	for _, one := range s.to(groupsPath) {
		require.Equal(t, "100", one.query.Get("page_size"))
	}
}

func TestUsersThenDepartmentsOfAGroup(t *testing.T) {
	t.Parallel()
	c, s := newFake(t, map[string]http.HandlerFunc{groupMembersPath: byParameter("member_type", map[string]string{
		"user ":       `{"has_more":true,"page_token":"a","memberlist":[{"member_id":"ou_1","member_type":"user"},{"member_id":7},{}]}`,
		"user a":      `{"has_more":false,"memberlist":[{"member_id":"ou_2"}]}`,
		"department ": `{"has_more":false,"memberlist":[{"member_id":"od-1","member_type":"department"}]}`,
	})})
	read := func(method provider.ListMethod) []provider.GroupMemberPage {
		return allPages(t, func(cursor string) (provider.GroupMemberPage, string, error) {
			page, err := c.ListGroupMembers(t.Context(),
				provider.GroupQuery{Group: "g1", Method: method, Cursor: cursor})
			return page, page.Next, err
		})
	}
	users := []provider.GroupMemberPage{
		{Next: "1:a", Request: "LOG1", Members: []directory.GroupMember{{Member: "ou_1"}},
			Bad: []string{"record 2: member_id is not a string", "record 3: no member_id"}},
		{Request: "LOG1", Members: []directory.GroupMember{{Member: "ou_2"}}},
	}
	require.Empty(t, cmp.Diff(users, read(methodUsers)), "a dynamic group costs no call for departments")
	users[1].Next, users[1].EndsList = "2:", true
	require.Empty(t, cmp.Diff(append(users, provider.GroupMemberPage{Request: "LOG1", Departments: []string{"od-1"}}),
		read(methodUsersAndDepartments)))
	for _, one := range s.to(groupMembersPath) {
		require.Equal(t, "open_id", one.query.Get("member_id_type"))
	}
}

func TestGroupsFail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		cursor string
		want   provider.Kind
	}{
		"no permission": {refuses(400, 99991672), "", provider.Forbidden},
		"not there":     {refuses(400, 42002), "", provider.NotFound},
		"out of range":  {refuses(403, 42009), "", provider.OutOfRange},
		"token refused": {refuses(400, 40012), "2:x", provider.CursorExpired},
		"another build": {nil, "x", provider.CursorExpired},
		"trouble":       {refuses(500, 40003), "", provider.Unavailable},
		"no data":       {says(200, `{"code":0}`), "", provider.Malformed},
		"no has_more":   {data(`{}`), "", provider.Malformed},
		"no list":       {data(`{"has_more":false,"grouplist":{},"memberlist":{}}`), "", provider.Malformed},
		"same token":    {data(`{"has_more":true,"page_token":"x"}`), "2:x", provider.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, map[string]http.HandlerFunc{groupsPath: tt.answer, groupMembersPath: tt.answer})
			groups, err := c.ListGroups(t.Context(), tt.cursor)
			require.Equal(t, tt.want, failure(t, err).Kind)
			require.Equal(t, provider.GroupPage{}, groups)
			members, err := c.ListGroupMembers(t.Context(),
				provider.GroupQuery{Group: "g1", Method: methodUsers, Cursor: tt.cursor})
			require.Equal(t, tt.want, failure(t, err).Kind)
			require.Equal(t, provider.GroupMemberPage{}, members)
		})
	}
	c, _ := newFake(t, nil)
	for _, q := range []provider.GroupQuery{{Group: "g1", Method: "role"}, {Group: "..", Method: methodUsers}} {
		_, err := c.ListGroupMembers(t.Context(), q)
		require.Equal(t, provider.Invalid, failure(t, err).Kind)
	}
}

func TestAdministratorsOfApps(t *testing.T) {
	t.Parallel()
	list := func(n int) string {
		return `{"user_list":[` + strings.TrimSuffix(strings.Repeat(`{"open_id":"ou_1"},`, n), ",") + `]}`
	}
	c, _ := newFake(t, map[string]http.HandlerFunc{adminsPath: inTurn(
		data(`{"user_list":[{"open_id":"ou_1","user_id":"u1"},{"user_id":"u2"},null]}`), data(list(9)), data(list(10)),
		data(`{}`), refuses(400, 99991672))})
	page, err := c.ListAdministrators(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(provider.AdministratorPage{
		Administrators: []directory.Administrator{{Member: "ou_1", Level: "app_admin"}}, Request: "LOG1",
		Bad: []string{`record 2 (user_id "u2"): no open_id`, "record 3: no open_id"},
	}, page))
	for _, truncated := range []bool{false, true, false} {
		page, err := c.ListAdministrators(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, truncated, page.Truncated, "only the newest ten are listed")
	}
	_, err = c.ListAdministrators(t.Context(), "")
	require.Equal(t, provider.Forbidden, failure(t, err).Kind)
	_, err = c.ListAdministrators(t.Context(), "x")
	require.Equal(t, provider.CursorExpired, failure(t, err).Kind)
}

func TestCheckWarnsOfKindsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	denied := says(400,
		`{"code":99991672,"msg":"x","error":{"permission_violations":[{"subject":"contact:group:readonly"}]}}`)
	routes := wholeCompany(nil)
	maps.Copy(routes, map[string]http.HandlerFunc{groupsPath: denied, adminsPath: says(503, "")})
	c, _ := newFake(t, routes)
	r, err := c.Check(t.Context())
	require.NoError(t, err)
	require.True(t, r.OK())
	require.Equal(t, []string{"user groups", "administrators"}, graded(t, r, provider.Warn))
	i := slices.IndexFunc(r.Findings, func(f provider.Finding) bool { return f.Check.String() == "user groups" })
	require.Contains(t, r.Findings[i].Detail.String(), "contact:group:readonly")
	require.Contains(t, r.Findings[i].Action.String(), "Permissions & Scopes")
}

// FuzzGroups feeds whole answers to the readers of groups and administrators.
func FuzzGroups(f *testing.F) {
	for _, body := range []string{
		`{"code":0,"data":{"has_more":true,"page_token":"b","grouplist":[{"id":"g1","name":"x","member_user_count":2},{"id":7},null]}}`,
		`{"code":0,"data":{"has_more":false,"memberlist":[{"member_id":"ou_1"},{"member_id":""}]}}`,
		`{"code":0,"data":{"user_list":[{"open_id":"ou_1"},{"open_id":[]}]}}`,
		`{"code":0,"data":{"has_more":true,"page_token":"a"}}`, `{"code":0}`,
	} {
		f.Add([]byte(body), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, second bool) {
		env, ok := parseEnvelope(body)
		if !ok {
			return
		}
		a := answer{fields: env.fields, data: env.fields.Object("data")}
		if page, err := groupPage(a, second, "a"); err == nil {
			require.NotEqual(t, joinCursor(second, "a", true), page.Next)
			if page.Next != "" {
				then, token, err := splitCursor(listGroups, page.Next)
				require.NoError(t, err)
				require.True(t, then == second || token == "", page.Next)
			}
			for _, g := range page.Groups {
				require.NotEmpty(t, g.ExternalID)
				require.Empty(t, directory.IDProblem(g.ExternalID))
				require.True(t, json.Valid(g.Raw))
			}
		}
		if page, err := groupMemberPage(a, second, "a", true); err == nil {
			require.False(t, second && len(page.Members) > 0 || !second && len(page.Departments) > 0)
			for _, m := range page.Members {
				require.NotEmpty(t, m.Member)
			}
			require.NotContains(t, page.Departments, "")
		}
		if page, err := administratorPage(a); err == nil {
			for _, one := range page.Administrators {
				require.NotEmpty(t, one.Member)
			}
		}
	})
}
