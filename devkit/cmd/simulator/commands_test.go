package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// order runs the program against one that serves, and returns what it printed.
func (p *program) order(exit int, args ...string) string {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(p.t.Context(), append(args, "--control", p.places.ControlURL), &stdout, &stderr)
	require.Equal(p.t, exit, code, stderr.String())
	return stdout.String() + stderr.String()
}

func (p *program) people() map[string]int {
	p.t.Helper()
	var counts map[string]simulator.Counts
	p.control("GET", "/state", "", &counts)
	people := map[string]int{}
	for vendor, n := range counts {
		people[vendor] = n.People
	}
	return people
}

// One command lets people leave, of all companies or of one.
func TestPeopleLeaveByOneCommand(t *testing.T) {
	t.Parallel()
	p := startProgram(t, "--members", "50")
	require.Equal(t, "feishu    10 people have left\ndingtalk  10 people have left\nwecom     10 people have left\n",
		p.order(0, "leave", "--share", "0.2"))
	require.Equal(t, map[string]int{"feishu": 40, "dingtalk": 40, "wecom": 40}, p.people())
	require.Equal(t, "wecom     8 people have left\n", p.order(0, "leave", "--vendor", "wecom"))
	require.Equal(t, map[string]int{"feishu": 40, "dingtalk": 40, "wecom": 32}, p.people())

	require.Contains(t, p.order(1, "leave", "--share", "2"), "share must be above 0 and at most 1")
	require.Contains(t, p.order(1, "leave", "--vendor", "entra"), `vendor "entra" is unknown`)
	var left map[string]int
	require.Equal(t, 200, p.control("POST", "/leave", `{"vendor":"feishu","share":0.5,"seed":7}`, &left))
	require.Equal(t, map[string]int{"feishu": 20}, left)

	var stdout, stderr bytes.Buffer
	require.Equal(t, 1, run(t.Context(), []string{"leave", "--control", p.places.WeCom.BaseURL}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "is not the control address of a simulator")
}

// What an app may see, from where, and what kind it is, is switched by a command, by the
// control address, and when the program starts.
func TestAppsAreSwitched(t *testing.T) {
	t.Parallel()
	p := startProgram(t, "--members", "20", "--without", "qyapi_get_member", "--without", "tenant:tenant:readonly")
	shown := func() map[string]app {
		var apps map[string]app
		require.Equal(t, 200, p.control("GET", "/app", "", &apps))
		return apps
	}
	require.Equal(t, map[string]app{"feishu": {Without: []string{"tenant:tenant:readonly"}},
		"dingtalk": {Without: []string{"qyapi_get_member"}}, "wecom": {}}, shown())

	token := p.token()
	code := func() int {
		code, _ := p.departments(token)
		return code
	}
	require.Zero(t, code())
	p.order(0, "app", "wecom", "--trusted-ip", "192.0.2.1", "--old-app")
	require.Equal(t, 60020, code())
	require.Equal(t, app{TrustedIPs: []string{"192.0.2.1"}, OldApp: true}, shown()["wecom"])
	require.Equal(t, 200, p.control("POST", "/app",
		`{"vendor":"wecom","trusted_ips":["127.0.0.1"],"old_sync_address":true}`, nil))
	require.Zero(t, code())
	require.Equal(t, app{TrustedIPs: []string{"127.0.0.1"}, OldSyncAddress: true}, shown()["wecom"])

	p.order(0, "app", "feishu", "--hidden-leavers")
	require.Equal(t, app{HiddenLeavers: true}, shown()["feishu"])
	p.order(0, "app", "feishu")
	require.Equal(t, app{}, shown()["feishu"], "what is not named is as at the start")
	p.order(0, "app", "dingtalk", "--without", "邮箱等个人信息")
	before := shown()
	for _, refused := range []struct {
		says string
		args []string
	}{
		{`permission "contact:nonsense" is unknown`, []string{"app", "feishu", "--without", "contact:nonsense"}},
		{`permission "contact:nonsense" is unknown`, []string{"app", "dingtalk", "--without", "contact:nonsense"}},
		{"WeCom has no permissions", []string{"app", "wecom", "--without", "qyapi_get_member"}},
		{"only WeCom has", []string{"app", "feishu", "--old-app"}},
		{"only WeCom has", []string{"app", "dingtalk", "--old-sync-address"}},
		{"only Feishu has", []string{"app", "wecom", "--hidden-leavers"}},
	} {
		require.Contains(t, p.order(1, refused.args...), refused.says)
	}
	require.Contains(t, p.order(2, "app", "wecom", "--trusted-ip", "here"), `"here", which is not an IP address`)
	require.Equal(t, before, shown(), "what is refused changes nothing")
	for _, bad := range []string{`{"vendor":"entra"}`, `{}`, `{"vendor":"wecom","trusted_ips":["here"]}`,
		`{"vendor":"wecom","scopes":[]}`} {
		require.Equal(t, 400, p.control("POST", "/app", bad, nil), bad)
	}

	var stdout, stderr bytes.Buffer
	require.Equal(t, 1, run(t.Context(), []string{"--members", "3", "--without", "contact:nonsense"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), `permission "contact:nonsense" is unknown`)
}
