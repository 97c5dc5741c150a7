package dingtalk_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/internal/directory"
)

// readRoles reads role/list by pages of a size: the names of roles by id, and their groups.
func readRoles(a *app, size int) (names, groups map[string]string) {
	names, groups = map[string]string{}, map[string]string{}
	for offset, more := 0, true; more; offset += size {
		result := a.result("role/list", fmt.Sprintf(`{"offset":%d,"size":%d}`, offset, size))
		for _, item := range result["list"].([]any) {
			group := item.(map[string]any)
			for _, r := range group["roles"].([]any) {
				id := r.(map[string]any)["id"].(json.Number).String()
				names[id], groups[id] = r.(map[string]any)["name"].(string), group["name"].(string)
			}
		}
		more = result["hasMore"].(bool)
	}
	return names, groups
}

func TestRolesAreListedByGroup(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, dingtalk.Config{Options: noQuotas})
	truth := c.Truth(directory.DingTalk)
	for _, size := range []int{7, 200} {
		names, groups := readRoles(a, size)
		require.Len(t, names, len(truth.Groups))
		for id, g := range truth.Groups {
			require.Equal(t, []string{g.Name, g.Category}, []string{names[id], groups[id]})
		}
	}
	a.business("role/list", `{"offset":0,"size":201}`, "40069")
	a.business("role/list", `{"offset":-1,"size":20}`, "40068")
	require.Len(t, a.result("role/list", `{"size":7}`)["list"].([]any)[0].(map[string]any)["roles"], 2,
		"a size alone does nothing")
}

func TestHoldersOfARoleComeWithTheirAreas(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, dingtalk.Config{Options: noQuotas})
	truth := c.Truth(directory.DingTalk)
	for id, g := range truth.Groups {
		var members []string
		scopes := map[string][]string{}
		for offset, more := 0, true; more; offset += 100 {
			result := a.result("role/simplelist", fmt.Sprintf(`{"role_id":%s,"offset":%d,"size":100}`, id, offset))
			for _, item := range result["list"].([]any) {
				holder := item.(map[string]any)
				who := holder["userid"].(string)
				members = append(members, who)
				areas, _ := holder["manageScopes"].([]any)
				for _, area := range areas {
					scopes[who] = append(scopes[who], area.(map[string]any)["dept_id"].(json.Number).String())
				}
			}
			more = result["hasMore"].(bool)
		}
		require.ElementsMatch(t, g.Members, members)
		require.Len(t, scopes, len(g.Scopes))
		for who, areas := range g.Scopes {
			require.ElementsMatch(t, areas, scopes[who])
		}
	}
	a.business("role/simplelist", `{"role_id":1}`, "33011")
	a.business("role/simplelist", `{"role_id":3935000013,"offset":0,"size":101}`, "40069")
	require.Equal(t, "主管理员", a.top("role/getrole", `{"roleId":3935000013}`)["role"].(map[string]any)["name"])
	a.business("role/getrole", `{"role_id":3935000013}`, "400002")
}

func TestAdministratorsAreListedWithTheirLevel(t *testing.T) {
	t.Parallel()
	c := company()
	nobody := &simulator.Range{Departments: []simulator.Dept{2}}
	a := start(t, c, dingtalk.Config{Options: noQuotas, Range: nobody})
	got := map[string]directory.AdministratorLevel{}
	for _, item := range a.top("user/listadmin", `{}`)["result"].([]any) {
		admin := item.(map[string]any)
		got[admin["userid"].(string)] = map[string]directory.AdministratorLevel{"1": "main",
			"2": "sub"}[admin["sys_level"].(json.Number).String()]
	}
	require.Equal(t, c.Truth(directory.DingTalk).Administrators, got, "whatever the app may see")
	points, err := dingtalk.Without("qyapi_get_member", "qyapi_get_department_list")
	require.NoError(t, err)
	a.srv.Reconfigure(func(cfg *dingtalk.Config) { cfg.Points = points })
	a.gateway("user/listadmin", `{}`, "60011")
	a.gateway("role/list", `{}`, "60011")
}
