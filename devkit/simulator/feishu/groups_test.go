package feishu_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/internal/directory"
)

// allOf reads a listing whose records stand under key.
func (a *app) allOf(key, path, query string) []map[string]any {
	a.t.Helper()
	var list []map[string]any
	for token, more := "", true; more; {
		status, body := a.get(path, query+"&page_token="+url.QueryEscape(token))
		require.Equal(a.t, 200, status, "%v", body)
		data := body["data"].(map[string]any)
		for _, item := range data[key].([]any) {
			list = append(list, item.(map[string]any))
		}
		more = data["has_more"].(bool)
		token, _ = data["page_token"].(string)
	}
	return list
}

func TestGroupsOfBothTypes(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, feishu.Config{Options: simulator.Options{NoQuotas: true}})
	truth := c.Truth(directory.Feishu)
	seen := 0
	for _, kind := range []string{"ordinary", "dynamic"} {
		number := map[string]string{"ordinary": "1", "dynamic": "2"}[kind]
		for _, item := range a.allOf("grouplist", "group/simplelist", "page_size=3&type="+number) {
			seen++
			id := item["id"].(string)
			want := truth.Groups[id]
			require.Equal(t, want.Name, item["name"])
			require.Equal(t, kind, string(want.Attributes[directory.GroupType].(string)))
			require.NotEqual(t, id, item["group_id"])
			people := a.allOf("memberlist", "group/"+id+"/member/simplelist", "page_size=50&member_id_type=user_id")
			departments := a.allOf("memberlist", "group/"+id+"/member/simplelist",
				"page_size=50&member_type=department")
			require.Len(t, people, len(want.Members))
			for _, one := range people {
				require.Contains(t, want.Members, one["member_id"])
			}
			require.Len(t, departments, len(want.Departments))
			for _, one := range departments {
				require.Contains(t, want.Departments, one["member_id"])
				require.Equal(t, "department", one["member_type"])
			}
		}
	}
	require.Len(t, truth.Groups, seen)
	a.refused("group/simplelist", "type=3", 400, 99992402)
	a.refused("group/simplelist", "page_size=101", 400, 40011)
	a.refused("group/g999999/member/simplelist", "", 400, 42002)
	a.refused("group/g000003/member/simplelist", "member_type=robot", 400, 41071)
	a.refused("group/g000003/member/simplelist", "member_type=department&member_id_type=union_id", 400, 41072)
	_, body := a.get("group/g000003", "")
	require.NotContains(t, body["data"].(map[string]any)["group"], "group_id")
}

func TestGroupsNeedARangeAndAPermission(t *testing.T) {
	t.Parallel()
	a := start(t, company(),
		feishu.Config{Range: &simulator.Range{Departments: []simulator.Dept{2}, Groups: []simulator.GroupID{2}}})
	require.Len(t, a.allOf("grouplist", "group/simplelist", "type=1"), 1)
	a.refused("group/g000003/member/simplelist", "", 403, 42009)
	scopes, err := feishu.Without("contact:group:readonly", "admin:app.admin_id:readonly")
	require.NoError(t, err)
	a.srv.Reconfigure(func(cfg *feishu.Config) { cfg.Scopes = scopes })
	a.refused("group/simplelist", "", 400, 99991672)
	a.refused("/open-apis/user/v4/app_admin_user/list", "", 400, 99991672)
}

func TestTheNewestTenAdministratorsOfApps(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, feishu.Config{})
	for p := simulator.PersonID(100); p < 112; p++ {
		require.NoError(t, c.Appoint(p, directory.SubAdministrator))
	}
	_, body := a.get("/open-apis/user/v4/app_admin_user/list", "")
	list := body["data"].(map[string]any)["user_list"].([]any)
	require.Len(t, list, 10)
	require.Equal(t, a.srv.OpenID(111), list[9].(map[string]any)["open_id"])
}
