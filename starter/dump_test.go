package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
	providercmd "github.com/orgsync/orgsync/starter/provider"
)

// lines decodes standard output, a document a line.
func (o outcome) lines() (all []providercmd.Dumped) {
	o.t.Helper()
	for line := range strings.Lines(o.stdout) {
		var one providercmd.Dumped
		require.NoError(o.t, json.Unmarshal([]byte(line), &one), line)
		all = append(all, one)
	}
	return all
}

// simulated stores a provider of a kind whose company is served at a simulator.
func (in installation) simulated(kind directory.ProviderType, company *simulator.Company) *simulator.Service {
	in.t.Helper()
	o := simulator.Options{NoQuotas: true}
	var handler http.Handler
	var service *simulator.Service
	var config map[string]string
	switch kind {
	case directory.Feishu:
		server := feishu.New(company, feishu.Config{Options: o})
		handler, service, config = server, server.Service, map[string]string{"app_id": "cli_sim",
			"app_secret": "sim-secret"}
	case directory.DingTalk:
		server := dingtalk.New(company, dingtalk.Config{Options: o})
		handler, service, config = server, server.Service, map[string]string{"app_key": "dingsim",
			"app_secret": "sim-secret"}
	default:
		server := wecom.New(company, wecom.Config{Options: o, OldApp: true})
		handler, service, config = server, server.Service, map[string]string{"corp_id": "wwsim",
			"secret": "sim-app-secret"}
	}
	server := httptest.NewServer(handler)
	in.t.Cleanup(server.Close)
	config["base_url"] = server.URL
	if kind == directory.DingTalk {
		config["api_base_url"] = server.URL
	}
	document, err := json.Marshal(config)
	require.NoError(in.t, err)
	added := in.feed(string(document), "provider", "add", string(kind), "--type", string(kind), "--config", "-")
	require.Equal(in.t, cli.ExitDone, added.status, added.stderr)
	return service
}

func TestDumpShowsTheCompanyAsTheProviderShowsIt(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for _, kind := range directory.ProviderTypes() {
		company := simulator.Generate(simulator.TypicalSpec(7, 150))
		in.simulated(kind, company)
		truth := company.Truth(kind)
		o := in.ok("provider", "dump", string(kind))
		if kind == directory.WeCom { // whose own apps may not list administrators
			require.Contains(t, o.stderr, "administrators could not be read: WeCom 48002")
			truth.Administrators = nil
		} else {
			require.Empty(t, o.stderr)
		}
		departments, places := map[string]bool{}, 0
		groups, joined := map[string]bool{}, map[string][]string{}
		administrators := 0
		for _, line := range o.lines() {
			switch line.ObjectType {
			case "department":
				require.False(t, departments[line.ExternalID], "once each")
				departments[line.ExternalID] = true
				require.NotEmpty(t, line.Raw)
			case "member":
				places += len(line.DepartmentPlaces)
				var fields struct{ Name string }
				require.NoError(t, json.Unmarshal(line.Fields, &fields))
				require.Equal(t, truth.Members[line.ExternalID].Name, fields.Name)
				for _, place := range line.DepartmentPlaces {
					require.Contains(t, truth.Members[line.ExternalID].Departments, place.DepartmentExternalID)
				}
			case "group":
				groups[line.ExternalID] = true
			case "group_membership":
				require.True(t, groups[line.GroupExternalID])
				joined[line.GroupExternalID] = append(joined[line.GroupExternalID],
					line.MemberExternalID+line.DepartmentExternalID)
				if scope := truth.Groups[line.GroupExternalID].Scopes[line.MemberExternalID]; scope != nil {
					require.Equal(t, scope, line.Scope)
				}
			case "administrator":
				administrators++
			}
		}
		require.Len(t, departments, len(truth.Departments))
		require.Equal(t, company.Counts().Memberships, places)
		require.Len(t, groups, len(truth.Groups))
		for id, g := range truth.Groups {
			require.Len(t, joined[id], len(g.Members)+len(g.Departments), id)
		}
		wanted := len(truth.Administrators)
		if kind == directory.Feishu {
			company.View(func(v *simulator.View) { wanted -= len(v.Administrators(directory.MainAdministrator)) })
		}
		require.Equal(t, wanted, administrators)
	}
	var stored int
	require.NoError(t, in.pool().QueryRow(t.Context(),
		`SELECT (SELECT count(*) FROM org_members) + (SELECT count(*) FROM org_departments) + (SELECT count(*)
			FROM sync_runs)`).Scan(&stored))
	require.Zero(t, stored)
}

func TestDumpGoesOnPastWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	company := simulator.Generate(simulator.TypicalSpec(7, 150))
	service := in.simulated(directory.Feishu, company)
	whole := len(in.ok("provider", "dump", "feishu").lines())

	closed := company.DepartmentID(directory.Feishu, 3)
	service.Faults.Add(
		simulator.Fault{Endpoint: "users/find_by_department", Department: closed, Times: simulator.Forever,
			Action: simulator.Action{Kind: simulator.OutOfRange}},
		simulator.Fault{Endpoint: "group/simplelist", Times: simulator.Forever,
			Action: simulator.Action{Kind: simulator.Forbidden}})
	o := in.run("provider", "dump", "feishu")
	require.Equal(t, cli.ExitPartial, o.status)
	require.Contains(t, o.stderr, "members of department "+closed+" could not be read: Feishu 40004")
	require.Contains(t, o.stderr, "groups could not be read: Feishu 99991672")
	require.Contains(t, o.stderr, "Permissions & Scopes")
	left := o.lines()
	require.Less(t, len(left), whole)
	require.True(t, slices.ContainsFunc(left,
		func(line providercmd.Dumped) bool { return line.ObjectType == "administrator" }))
	company.View(func(v *simulator.View) {
		for p := range v.People() {
			require.NotContains(t, o.stderr, p.Name)
		}
	})

	service.Faults.Clear()
	service.Faults.Add(simulator.Fault{Endpoint: "group/simplelist", Times: simulator.Forever,
		Action: simulator.Action{Kind: simulator.Forbidden}})
	require.Contains(t, in.ok("provider", "dump", "feishu").stderr, "groups could not be read",
		"a kind without its permission costs nothing else")

	service.Faults.Clear()
	service.Faults.Add(simulator.Fault{Endpoint: "users/find_by_department", From: 3, Times: simulator.Forever,
		Action: simulator.Action{Kind: simulator.Forbidden}})
	o = in.run("provider", "dump", "feishu")
	require.Equal(t, cli.ExitFailed, o.status)
	require.Contains(t, o.stderr, "99991672")
	require.NotEmpty(t, o.lines(), "what came before is out")
	require.Equal(t, cli.ExitUsage, in.run("provider", "dump", "globex").status)
}
