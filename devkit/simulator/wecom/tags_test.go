package wecom_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
)

func TestTagsShowWhatTheCredentialSees(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, wecom.Config{Range: &simulator.Range{Departments: []simulator.Dept{2}}})
	truth := c.Truth(directory.WeCom)
	for _, query := range []func(string) string{a.byApp, a.bySync} {
		require.Len(t, a.good("tag/list", query(""))["taglist"], len(truth.Groups))
	}
	fewer := 0
	for id, g := range truth.Groups {
		whole, part := a.good("tag/get", a.bySync("tagid="+id)), a.good("tag/get", a.byApp("tagid="+id))
		require.Equal(t, g.Name, whole["tagname"])
		require.Len(t, whole["userlist"], len(g.Members))
		require.Len(t, whole["partylist"], len(g.Departments))
		for _, one := range whole["userlist"].([]any) {
			require.Contains(t, g.Members, one.(map[string]any)["userid"])
		}
		for _, one := range whole["partylist"].([]any) {
			require.Contains(t, g.Departments, fmt.Sprint(one))
		}
		if len(part["userlist"].([]any)) < len(g.Members) {
			fewer++
		}
	}
	require.Positive(t, fewer)
	require.NoError(t, c.DeleteGroup(2))
	require.Equal(t, []any{}, a.refused("tag/get", a.byApp("tagid=2"), 40068)["userlist"])
}

func TestOnlyAnAppBuiltByAProviderListsItsAdministrators(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, wecom.Config{})
	a.refused("agent/get_admin_list", a.byApp(""), 48002)
	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.Customised = true })
	_, answer := a.do(http.MethodPost, "agent/get_admin_list", a.byApp(""), "{}")
	got := map[string]directory.AdministratorLevel{}
	for _, item := range answer["admin"].([]any) {
		admin := item.(map[string]any)
		got[admin["userid"].(string)] = map[string]directory.AdministratorLevel{"0": "message",
			"1": "manage"}[fmt.Sprint(admin["auth_type"])]
	}
	require.Equal(t, c.Truth(directory.WeCom).Administrators, got)
	a.refused("agent/get_admin_list", a.bySync(""), 48002)
}
