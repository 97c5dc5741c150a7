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

// A record carries what is known of a person beside the rest; the manager only where one
// person is asked for, and the company's mailbox and own fields only with the e-mail point.
func TestRecordsCarryFacts(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, dingtalk.Config{Options: noQuotas})
	var id, manager string
	var department int64
	var facts simulator.Facts
	c.View(func(v *simulator.View) {
		for p := range v.People() {
			f := v.Facts(p.ID)
			if who, ok := v.Manager(p); ok && f.Picture != 0 && f.WorkEmail != "" && f.Telephone != "" &&
				f.EmployeeNo != "" && len(f.Custom) > 2 && p.Departments[0] != simulator.Root {
				id, manager, facts = c.UserID(directory.DingTalk, p), c.UserID(directory.DingTalk, who), f
				_, err := fmt.Sscan(c.DepartmentID(directory.DingTalk, p.Departments[0]), &department)
				require.NoError(t, err)
			}
		}
	})
	single := a.result("v2/user/get", fmt.Sprintf(`{"userid":%q}`, id))
	var listed map[string]any
	for _, item := range a.result("v2/user/list",
		fmt.Sprintf(`{"dept_id":%d,"cursor":0,"size":100}`, department))["list"].([]any) {
		if one := item.(map[string]any); one["userid"] == id {
			listed = one
		}
	}
	for _, got := range []map[string]any{single, listed} {
		require.Contains(t, got["avatar"], "https://static.example/")
		require.Equal(t, facts.WorkEmail, got["org_email"])
		require.Equal(t, facts.EmployeeNo, got["job_number"])
		require.Equal(t, facts.Telephone, got["telephone"])
		var own map[string]string
		require.NoError(t, json.Unmarshal([]byte(got["extension"].(string)), &own))
		require.Equal(t, facts.Custom[0].Value, own[facts.Custom[0].Field])
	}
	require.Equal(t, manager, single["manager_userid"])
	require.NotContains(t, listed, "manager_userid")

	points, err := dingtalk.Without(dingtalk.EmailPoint)
	require.NoError(t, err)
	a.srv.Reconfigure(func(cfg *dingtalk.Config) { cfg.Points = points })
	single = a.result("v2/user/get", fmt.Sprintf(`{"userid":%q}`, id))
	require.NotContains(t, single, "org_email")
	require.NotContains(t, single, "extension")
	require.Contains(t, single, "telephone")
	_, err = dingtalk.Without("nonsense")
	require.ErrorContains(t, err, "unknown")
}
