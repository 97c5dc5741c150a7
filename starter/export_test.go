package main

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/report"
)

func TestExport(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seedFacts()
	in.query(`UPDATE org_members SET title = '=HYPERLINK("http://evil.example")', raw_data = '{"a":1}'
		WHERE external_id = 'u2'`)
	in.query(`INSERT INTO org_members (provider_id, external_id, name, status)
		SELECT id, 'gone', 'Gone', 'deleted' FROM identity_providers`)

	var all report.Exported
	in.ok("export", "acme").json(&all)
	require.Len(t, all.Departments, 4)
	require.Len(t, all.Members, 3)
	members := map[string]report.ExportedMember{}
	for _, m := range all.Members {
		members[m.ExternalID] = m
	}
	shan := members["u1"]
	require.Equal(t, []string{"u2", "E00017", "单雄信", "member"},
		[]string{shan.ManagerExternalID, shan.EmployeeNo, shan.Name, shan.ObjectType})
	require.Len(t, shan.Departments, 2)
	require.Equal(t, report.ExportedPlace{ExternalID: "od-3", Path: "Acme/Kernel", Primary: true,
		SortOrder: new(int64)},
		shan.Departments[0])
	require.NotEmpty(t, shan.UserID)
	require.Equal(t, "ou_far", members["u3"].ManagerExternalID, "who is not in the directory")
	require.Nil(t, members["u2"].Raw)
	require.NotContains(t, members, "gone")

	text := in.ok("export", "acme", "--format", "ndjson", "--kind", "members", "--raw").stdout
	lines := strings.Split(strings.TrimSpace(text), "\n")
	require.Len(t, lines, 3)
	for _, line := range lines {
		var m report.ExportedMember
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		require.NotNil(t, m.Raw)
	}

	text = in.ok("export", "acme", "--format", "csv", "--kind", "members").stdout
	require.True(t, strings.HasPrefix(text, "\ufeffexternal_id,name,email,phone,"))
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 4)
	cells := map[string][]string{}
	for _, row := range rows {
		cells[row[0]] = row
	}
	require.Equal(t, `'=HYPERLINK("http://evil.example")`, cells["u2"][4])
	require.Equal(t, "'+8613800138000", cells["u1"][3], "a number that begins with a sign")
	require.Equal(t, "Acme/Kernel (od-3); Acme/Sales (od-2)", cells["u1"][10])
	text = in.ok("export", "acme", "--format", "csv", "--kind", "departments", "--raw").stdout
	require.Contains(t, text, ",raw_data\r\n")

	require.Equal(t, cli.ExitUsage, in.run("export", "acme", "--format", "csv").status)
	require.Equal(t, cli.ExitUsage, in.run("export", "acme", "--format", "ndjson", "--output", "json").status)
	require.Equal(t, cli.ExitUsage, in.run("export", "nobody").status)
}

func TestExportOfNothingAndOfMuch(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	// Whatever was asked for is there, also where it holds nothing.
	require.JSONEq(t, `{"departments":[],"members":[],"groups":[]}`, in.ok("export", "acme").stdout)
	require.JSONEq(t, `{"groups":[]}`, in.ok("export", "acme", "--kind", "groups").stdout)
	require.Empty(t, in.ok("export", "acme", "--format", "ndjson").stdout)
	table := in.ok("export", "acme", "--format", "csv", "--kind", "members").stdout
	require.Equal(t, 1, strings.Count(table, "\n"), "the columns")

	in.query(`INSERT INTO org_members (provider_id, external_id, name)
		SELECT p.id, 'u' || n, 'Name ' || n FROM identity_providers p, generate_series(1, 2500) n`)
	seen := map[string]bool{}
	for line := range strings.Lines(in.ok("export", "acme", "--format", "ndjson").stdout) {
		var m report.ExportedMember
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		seen[m.ExternalID] = true
	}
	require.Len(t, seen, 2500, "page after page, nobody twice")
}

func TestExportOfGroups(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seedFacts()
	in.query(`INSERT INTO org_groups (provider_id, external_id, kind, name, member_count)
		SELECT id, 'g' || n, 'group', '=Group ' || n, n FROM identity_providers, generate_series(1, 30) n`)
	in.query(`INSERT INTO org_group_members SELECT g.id, m.id FROM org_groups g, org_members m
		WHERE g.external_id = 'g1' AND m.external_id IN ('u1', 'u2')`)
	in.query(`INSERT INTO org_group_departments SELECT g.id, d.id FROM org_groups g, org_departments d
		WHERE g.external_id = 'g1' AND d.external_id = 'od-3'`)
	in.query(`UPDATE org_groups SET status = 'deleted' WHERE external_id = 'g30'`)

	var all report.Exported
	in.ok("export", "acme", "--kind", "groups").json(&all)
	require.Empty(t, all.Members)
	require.Len(t, all.Groups, 29, "page after page, without what was removed")
	for _, g := range all.Groups {
		if g.ExternalID == "g1" {
			require.Equal(t, []string{"u1", "u2"}, g.Members)
			require.Equal(t, []string{"od-3"}, g.Departments)
		}
	}
	table := in.ok("export", "acme", "--format", "csv", "--kind", "groups").stdout
	require.Contains(t, table, "g1,group,'=Group 1,,1,u1; u2,od-3,{},")
}
