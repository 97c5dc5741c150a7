package main

import (
	"testing"

	"github.com/orgsync/orgsync/starter/report"
	"github.com/stretchr/testify/require"
)

// seed stores a small company: Acme > R&D > Kernel, and Acme > Sales.
func (in installation) seed() {
	in.t.Helper()
	in.add("acme", feishuConfig())
	in.query(`WITH p AS (SELECT id FROM identity_providers
		WHERE name = 'acme'), d (external_id, parent, name, depth, n, direct, n_order) AS (VALUES
			('0', NULL, E'Ac\x1bme', 0, 1234, 1, 0), ('od-1', '0', 'R&D', 1, 200, 4, 1), ('od-2', '0', 'Sales', 1, 30,
			30, 2), ('od-3', 'od-1', 'Kernel', 2, 196, 196, 0)),
		ids AS (SELECT d.*, gen_random_uuid() AS id FROM d)
		INSERT INTO org_departments (id, provider_id, external_id, parent_id, name, path, depth, member_count,
		direct_member_count, sort_order)
		SELECT i.id, p.id, i.external_id, up.id, i.name, CASE i.depth WHEN 0 THEN i.name ELSE 'Acme/' || i.name END,
		i.depth, i.n, i.direct, i.n_order FROM ids i CROSS JOIN p LEFT JOIN ids up ON up.external_id = i.parent`)
	in.query(`INSERT INTO org_members (provider_id, external_id, name, name_translit_full, name_translit_initial,
		email, phone, department_path)
		SELECT id, 'u1', '单雄信', 'shanxiongxin', 'sxx', 'shan@acme.cn', '+8613800138000', 'Acme/Sales'
		FROM identity_providers`)
}

func TestTree(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("empty", feishuConfig())
	require.Contains(t, in.ok("tree", "empty").stdout, "orgsync sync empty --wait")
	in.seed()

	require.Equal(t, `Acme  1,234 (1 direct)
├─ R&D  200 (4 direct)
│  └─ Kernel  196 (196 direct)
└─ Sales  30 (30 direct)
`, in.ok("tree", "acme").stdout)
	require.Equal(t, `Acme  1,234 (1 direct)
├─ R&D  200 (4 direct)
└─ Sales  30 (30 direct)
`, in.ok("tree", "acme", "--depth", "2").stdout)

	require.Equal(t, `Acme [0]  1,234 (1 direct)
├─ R&D [od-1]  200 (4 direct)
└─ Sales [od-2]  30 (30 direct)
`, in.ok("tree", "acme", "--depth", "2", "--ids").stdout)

	var tops []*report.Branch
	o := in.ok("tree", "acme", "--output", "json")
	o.json(&tops)
	require.Len(t, tops, 1)
	require.Equal(t, 1234, tops[0].MemberCount)
	require.Len(t, tops[0].Children, 2)
	require.Equal(t, "Kernel", tops[0].Children[0].Children[0].Name)
	require.Empty(t, tops[0].Children[1].Children)
	require.Contains(t, o.stdout, `"children": []`)
	in.ok("tree", "empty", "--output", "json").json(&tops)
	require.Empty(t, tops)
}

func TestSearch(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seed()
	for _, text := range []string{"雄信", "shanx", "sxx", "shan@", "138001", "u1"} {
		var found []report.Found
		in.ok("search", "acme", text, "--output", "json").json(&found)
		require.Len(t, found, 1, text)
		require.Contains(t, in.ok("search", "acme", text).stdout, "shan@acme.cn", text)
	}
	require.Contains(t, in.ok("search", "acme", "nobody").stdout, "No person or department of acme matches")
	var found []report.Found
	in.ok("search", "acme", "nobody", "--output", "json").json(&found)
	require.Empty(t, found)
	require.NotNil(t, found)

	for _, text := range []string{"sal", "od-2", "Sales"} {
		var hits []map[string]any
		in.ok("search", "acme", text, "--output", "json").json(&hits)
		require.Len(t, hits, 1, text)
		require.Equal(t, []any{"department", "od-2", "Acme/Sales"},
			[]any{hits[0]["object_type"], hits[0]["external_id"], hits[0]["path"]})
		require.Regexp(t, `(?m)^Sales +od-2 +30 +Acme/Sales$`, in.ok("search", "acme", text).stdout)
	}
	in.query(`UPDATE org_members SET name = 'Sal'`)
	var both []map[string]any
	in.ok("search", "acme", "sal", "--output", "json").json(&both)
	require.Equal(t, []any{"member", "department"}, []any{both[0]["object_type"], both[1]["object_type"]})
	in.query(`UPDATE org_departments SET status = 'deleted' WHERE external_id = 'od-2'`)
	in.ok("search", "acme", "od-2", "--output", "json").json(&both)
	require.Empty(t, both)
}
