package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/starter/group"
	"github.com/orgsync/orgsync/starter/member"
)

func TestGroupsAndAdministratorsAreShown(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seedFacts()
	in.query(`INSERT INTO org_groups (provider_id, external_id, kind, name, member_count)
		SELECT id, 'g1', 'group', 'Contractors', 2 FROM identity_providers`)
	in.query(`INSERT INTO org_group_members (group_id, member_id) SELECT g.id, m.id FROM org_groups g, org_members m
		WHERE m.external_id = 'u2'`)
	in.query(`INSERT INTO org_group_departments (group_id, department_id)
		SELECT g.id, d.id FROM org_groups g, org_departments d WHERE d.external_id = 'od-2'`)
	in.query(`INSERT INTO org_administrators (provider_id, member_id, source, level)
		SELECT provider_id, id, 'provider', 'main' FROM org_members WHERE external_id = 'u2'`)

	var list []group.Group
	in.ok("groups", "acme", "-o", "json").json(&list)
	require.Len(t, list, 1)
	require.Equal(t, []any{"g1", "Contractors", 2}, []any{list[0].ExternalID, list[0].Name, list[0].Members})

	var shown group.Shown
	in.ok("groups", "acme", "Contractors", "-o", "json").json(&shown)
	require.Equal(t, "od-2", shown.Departments[0].ExternalID)
	direct := map[string]bool{}
	for _, p := range shown.People {
		direct[p.ExternalID] = p.Direct
	}
	require.Equal(t, map[string]bool{"u1": false, "u2": true}, direct)
	text := in.ok("groups", "acme", "g1").stdout
	require.Contains(t, text, "(od-2) and below")
	require.Contains(t, text, "through a department")
	require.Contains(t, in.run("groups", "acme", "g2").stderr,
		`no group of acme is known by "g2"; see: orgsync groups acme`)

	var administrators []group.Administrator
	in.ok("admins", "acme", "-o", "json").json(&administrators)
	require.Equal(t, []string{"u2", "provider", "main"},
		[]string{administrators[0].ExternalID, administrators[0].Source, administrators[0].Level})

	var through member.Shown
	in.ok("member", "show", "acme", "u1", "-o", "json").json(&through)
	require.Equal(t, "g1", through.Groups[0].ExternalID)
	require.False(t, through.Groups[0].Direct)
}
