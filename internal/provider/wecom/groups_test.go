package wecom

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

const (
	tags   = `{"errcode":0,"errmsg":"ok","taglist":[{"tagid":1,"tagname":"Drivers"},{"tagid":2},{"tagid":"3"},{"tagid":0},null]}`
	oneTag = `{"errcode":0,"errmsg":"ok","tagname":"Drivers","userlist":[{"userid":"ada","name":"Ada Wu"},{"userid":7},null],"partylist":[3,"4",0]}`
	admins = `{"errcode":0,"errmsg":"ok","admin":[{"userid":"ada","auth_type":1},{"userid":"bob","auth_type":0},{"userid":"eve","auth_type":7},{"userid":"zoe"},{"auth_type":1}]}`
)

func TestTags(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings provider.Settings
		secret   string
	}{"app": {appOnly, testAppSecret}, "contact sync": {syncOnly, testSyncSecret}, "both": {bothKeys, testSyncSecret}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{"tag/list": tags})
			api.handlers["tag/get"] = by("tagid", map[string]string{"1": oneTag})
			c := api.open(t, tt.settings).(provider.GroupReader)
			groups, err := c.ListGroups(t.Context(), "")
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(provider.GroupPage{
				Groups: []provider.FoundGroup{
					{MembersMethod: methodTag,
						Group: directory.Group{ExternalID: "1", Kind: directory.Tag, Name: ptr("Drivers"),
							Raw: json.RawMessage(`{"tagid":1,"tagname":"Drivers"}`)}},
					{MembersMethod: methodTag,
						Group: directory.Group{ExternalID: "2", Kind: directory.Tag,
							Raw: json.RawMessage(`{"tagid":2}`)}},
				},
				Bad: []string{"record 3: no usable tagid", "record 4: no usable tagid", "record 5: no usable tagid"},
			}, groups))
			members, err := c.ListGroupMembers(t.Context(), provider.GroupQuery{Group: "1", Method: methodTag})
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(provider.GroupMemberPage{
				Members: []directory.GroupMember{{Member: "ada"}}, Departments: []string{"3"},
				Bad: []string{
					"record 2: no usable userid", "record 3: no usable userid", "department record 2: no usable id",
					"department record 3: no usable id",
				},
			}, members))
			for _, r := range api.requests {
				if r.endpoint != "gettoken" {
					require.Equal(t, tt.secret, api.secretOf(r), r.endpoint)
				}
			}
		})
	}
}

func TestTagsFail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body string
		want provider.Kind
	}{
		"no permission": {`{"errcode":48002,"taglist":[]}`, provider.Forbidden},
		"new address":   {`{"errcode":48009}`, provider.Forbidden},
		"deleted":       {`{"errcode":40068}`, provider.NotFound},
		"out of range":  {`{"errcode":60011}`, provider.OutOfRange},
		"no list":       {`{"errcode":0,"tagname":"x","userlist":[]}`, provider.Malformed},
		"list null":     {`{"errcode":0,"taglist":null,"userlist":null,"partylist":[]}`, provider.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newAPI(t, map[string]string{"tag/list": tt.body, "tag/get": tt.body}).open(t,
				bothKeys).(provider.GroupReader)
			_, err := c.ListGroups(t.Context(), "")
			requireError(t, err, tt.want)
			_, err = c.ListGroupMembers(t.Context(), provider.GroupQuery{Group: "1", Method: methodTag})
			requireError(t, err, tt.want)
		})
	}
	c := newAPI(t, nil).open(t, appOnly).(provider.GroupReader)
	_, err := c.ListGroups(t.Context(), "2")
	requireError(t, err, provider.CursorExpired)
	_, err = c.ListGroupMembers(t.Context(), provider.GroupQuery{Group: "1", Method: methodTag, Cursor: "2"})
	requireError(t, err, provider.CursorExpired)
	_, err = c.ListGroupMembers(t.Context(), provider.GroupQuery{Group: "1", Method: "role"})
	requireError(t, err, provider.Invalid)
}

func TestAdministratorsOfAnApp(t *testing.T) {
	t.Parallel()
	api := newAPI(t, map[string]string{"agent/get_admin_list": admins})
	c := api.open(t, bothKeys).(provider.AdministratorReader)
	page, err := c.ListAdministrators(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(provider.AdministratorPage{
		Administrators: []directory.Administrator{{Member: "ada", Level: "manage"}, {Member: "bob", Level: "message"},
			{Member: "eve", Level: "7"}},
		Bad: []string{"record 4: no usable userid or auth_type", "record 5: no usable userid or auth_type"},
	}, page))
	require.Equal(t, map[string]any{}, api.requests[len(api.requests)-1].body)
	_, err = c.ListAdministrators(t.Context(), "x")
	requireError(t, err, provider.CursorExpired)

	api.handlers["agent/get_admin_list"] = always(`{"errcode":48002,"admin":[]}`)
	_, err = c.ListAdministrators(t.Context(), "")
	refused := requireError(t, err, provider.Forbidden)
	require.Contains(t, refused.Problem.String(), "service provider")
	require.Contains(t, refused.Action.String(), "nothing to grant")
	api.handlers["agent/get_admin_list"] = always(`{"errcode":0}`)
	_, err = c.ListAdministrators(t.Context(), "")
	requireError(t, err, provider.Malformed)

	_, can := newAPI(t, nil).open(t, syncOnly).(provider.AdministratorReader)
	require.False(t, can, "the contact sync secret cannot ask")
}

func FuzzDecodeGroups(f *testing.F) {
	seed(f, tags, oneTag, admins)
	f.Fuzz(func(t *testing.T, body []byte) {
		groups, err := decodeTags(body)
		require.True(t, err == nil || provider.KindOf(err) == provider.Malformed)
		for _, g := range groups.Groups {
			require.True(t, isID(g.ExternalID))
			requireCanonical(t, g.Raw)
		}
		members, err := decodeTag(body)
		require.True(t, err == nil || provider.KindOf(err) == provider.Malformed)
		for _, m := range members.Members {
			require.NotEmpty(t, m.Member)
			require.Empty(t, directory.IDProblem(m.Member))
		}
		for _, d := range members.Departments {
			require.True(t, isID(d))
		}
		page, err := decodeAdministrators(body)
		require.True(t, err == nil || provider.KindOf(err) == provider.Malformed)
		for _, one := range page.Administrators {
			require.NotEmpty(t, one.Member)
			require.NotEmpty(t, one.Level)
		}
	})
}
