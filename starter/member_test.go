package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/member"
)

// seedFacts gives the seeded person everything that a person can have, and adds their
// manager and somebody who has nothing.
func (in installation) seedFacts() {
	in.t.Helper()
	in.seed()
	in.query(`INSERT INTO org_members (provider_id, external_id, name, name_translit_full, name_translit_initial,
		employee_no)
		SELECT id, 'u2', '徐茂公', 'xumaogong', 'xmg', 'E2' FROM identity_providers`)
	in.query(`INSERT INTO org_members (provider_id, external_id, name, manager_external_id)
		SELECT id, 'u3', 'Cid', 'ou_far' FROM identity_providers`)
	in.query(`WITH i AS (INSERT INTO identities (email, phone) VALUES ('shan@acme.cn', '+8613800138000') RETURNING id),
		u AS (INSERT INTO users (identity_id, display_name) SELECT id, 'Shan' FROM i RETURNING id)
		UPDATE org_members SET user_id = u.id, manager_external_id = 'u2', manager_id = (SELECT id FROM org_members
		WHERE external_id = 'u2'),
			employee_no = 'E00017', title = 'Engineer', unionid = 'on_1', open_id = 'ou_1', activated = false,
			attributes =
			'{"city":"Hangzhou","hired_at":"2021-03-10","english_name":"Leo","custom":{"Badge":{"url":"https://badges.example/17","title":"Badge"},"工位":"A-17"}}'
		FROM u WHERE external_id = 'u1'`)
	in.query(`INSERT INTO org_member_departments (member_id, department_id, is_primary, is_leader)
		SELECT m.id, d.id, d.external_id = 'od-3', d.external_id = 'od-2' FROM org_members m, org_departments d
		WHERE m.external_id = 'u1' AND d.external_id IN ('od-2', 'od-3')`)
}

func TestShowMember(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.env["COLUMNS"] = "80"
	in.seedFacts()

	for _, text := range []string{"u1", "e00017", "shan@acme.cn", "13800138000", "单雄信", "sxx", " u1 "} {
		var shown member.Shown
		in.ok("member", "show", "acme", text, "--output", "json").json(&shown)
		require.Equal(t, []string{"u1", "on_1", "ou_1", "E00017", "Engineer", "active"},
			[]string{shown.ExternalID, shown.UnionID, shown.OpenID, shown.EmployeeNo, shown.Title, shown.Status}, text)
		require.False(t, shown.Activated)
		require.JSONEq(t,
			`{"city":"Hangzhou","hired_at":"2021-03-10","english_name":"Leo","custom":{"Badge":{"url":"https://badges.example/17","title":"Badge"},"工位":"A-17"}}`,
			string(shown.Attributes))
		require.Len(t, shown.Places, 2)
		require.Equal(t, []any{"od-3", true, false, "od-2", false, true},
			[]any{shown.Places[0].ExternalID, shown.Places[0].Primary, shown.Places[0].Leader,
				shown.Places[1].ExternalID, shown.Places[1].Primary, shown.Places[1].Leader})
		require.Equal(t, "徐茂公", shown.Manager.Name)
		require.Equal(t, "u2", shown.Manager.ExternalID)
		require.NotEmpty(t, shown.Manager.ID)
		require.Equal(t, "Shan", shown.Account.Name)
		require.NotEmpty(t, shown.Account.ID)
	}

	out := in.ok("member", "show", "acme", "u1").stdout
	for line := range strings.Lines(out) {
		require.LessOrEqual(t, cli.Columns(strings.TrimSuffix(line, "\n")), 80, line)
	}
	for _, want := range []string{
		`name +单雄信 / shanxiongxin / sxx`, `status +active, has not activated the app`, `employee number +E00017`,
		`English name +Leo`, `city +Hangzhou`, `hired +2021-03-10`,
		`own fields +Badge: {"title":"Badge","url":"https://badges.example/17"}`, ` +工位: A-17`,
		`departments +Acme/Kernel \(od-3\), primary`, ` +Acme/Sales \(od-2\), leader`,
		`manager +徐茂公 \(u2\)`, `account +Shan \([0-9a-f-]{36}\)`, `external id +u1`, `last written +20`,
	} {
		require.Regexp(t, `(?m)^`+want, out)
	}
	require.NotContains(t, out, "telephone", "what is not known is left out")

	o := in.ok("member", "show", "acme", "u3", "--output", "json")
	require.Contains(t, o.stdout, `"places": []`)
	require.Contains(t, o.stdout, `"account": null`)
	require.Regexp(t, `manager +ou_far, who is not in the directory`, in.ok("member", "show", "acme", "u3").stdout)
	require.Contains(t, in.ok("member", "show", "acme", "u2", "--output", "json").stdout, `"manager": null`)
}

func TestShowMemberRefuses(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seedFacts()
	require.Contains(t, in.run("member", "show", "acme", "nobody").stderr,
		`no person of acme is or was known by "nobody"; see: orgsync search acme TEXT`)
	require.Contains(t, in.run("member", "show", "acme", "Sales").stderr, "no person of acme",
		"a department is no person")
	in.query(`UPDATE org_members SET employee_no = 'E00017' WHERE external_id = 'u2'`)
	o := in.run("member", "show", "acme", "E00017")
	require.Contains(t, o.stderr, `"E00017" matches several people; choose one with: orgsync member show acme ID`)
	require.Regexp(t, `u1 .*单雄信`, o.stdout)
	require.Regexp(t, `u2 .*徐茂公`, o.stdout)
}

func TestSearchByEmployeeNumber(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seedFacts()
	for _, text := range []string{"E00017", "e000"} {
		require.Contains(t, in.ok("search", "acme", text).stdout, "单雄信", text)
		require.NotContains(t, in.ok("search", "acme", text).stdout, "徐茂公", text)
		require.Contains(t, in.ok("search", "acme", text, "--output", "json").stdout, `"employee_no": "E00017"`)
	}
	in.query(`UPDATE org_members SET name = 'E2' WHERE external_id = 'u1'`)
	require.Regexp(t, `(?s)E2.*徐茂公|徐茂公.*E2`, in.ok("search", "acme", "E2").stdout,
		"whole numbers and whole names come first")
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seedFacts()
	var signature member.Signature
	in.ok("member", "signature", "acme", "u1", "--output", "json").json(&signature)
	require.Nil(t, signature.URL)
	const address = "https://files.acme.com/7.png"
	in.ok("member", "signature", "acme", "u1", "--set", address)
	in.ok("member", "signature", "acme", "u1", "--output", "json").json(&signature)
	require.Equal(t, address, *signature.URL)
	require.NotNil(t, signature.UpdatedAt)
	var shown member.Shown
	in.ok("member", "show", "acme", "u1", "--output", "json").json(&shown)
	require.Equal(t, address, shown.SignatureURL)
	require.Contains(t, in.ok("member", "show", "acme", "u1").stdout, address)
	for _, wrong := range [][]string{{"--set", "file:///etc/passwd"}, {"--set", "x"},
		{"--set", "https://x", "--clear"}, {"--set="}} {
		require.Equal(t, cli.ExitUsage,
			in.run(append([]string{"member", "signature", "acme", "u1"}, wrong...)...).status, wrong)
	}
	require.Contains(t, in.ok("member", "signature", "acme", "u1").stdout, address)
	require.Contains(t, in.ok("member", "signature", "acme", "u1", "--clear").stdout, "no signature image")
}
