package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
)

// What operators look at every day fits a terminal of 80 columns, whatever it holds.
func TestCommandsFitEightyColumns(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.env["COLUMNS"] = "80"
	in.seed()
	name := "the-company-with-the-long-name-in-the-north"
	in.add(name, feishuConfig())
	store := in.store()
	run := in.begin(store, "acme", "1")
	problem := "Feishu 40004: department od-2 is outside the app's contact range; widen it, publish a version of " +
		"the app and have that approved (users/find_by_department, request 20261128203130C0FFEE)"
	for i := range 25 {
		in.readDepartment(run, "od-4e5a6b7c8d9e0f1a2b3c4d5e6f70819"+string(rune('a'+i)), 123456, &problem)
	}
	in.query(`INSERT INTO org_members (provider_id, external_id, name, name_translit_full, name_translit_initial,
		email, phone, title, department_path)
		SELECT id, 'ou_7d8a6e6df7621556ce0d21922b676706', '欧阳雄信', 'ouyangxiongxin', 'oyxx',
		'ouyang.xiongxin@research.acme.example.cn', '+8613800138001',
			'高级工程师', '集团公司/北京研发中心/基础平台部/操作系统组' FROM identity_providers WHERE name = 'acme'`)
	million := directory.Counts{
		Departments: directory.DepartmentCounts{Read: 1234567, Created: 1234567, Updated: 1234567, Moved: 1234567,
			Restored: 1234567, Deleted: 1234567, Unchanged: 1234567, Failed: 1234567},
		Members: directory.MemberCounts{Read: 1234567, Created: 1234567, Updated: 1234567, Moved: 1234567,
			Restored: 1234567, Deactivated: 1234567, Deleted: 1234567,
			Unchanged: 1234567, Failed: 1234567, Linked: 1234567},
	}
	require.NoError(t, store.HoldRun(t.Context(), run, "it would remove 1,234 of 40,000 members; the limit is 800",
		"orgsync/acme/removals/"+run, million))
	in.query(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
		SELECT $1, 'member', id, id, external_id, 'updated', jsonb_build_object('email',
		'ouyang.xiongxin@acme.example.cn'),
			jsonb_build_object('email', email, 'phone', phone, 'title', title, 'department_path', department_path)
			FROM org_members WHERE name = '欧阳雄信'`, run)
	for _, command := range [][]string{
		{"provider", "list"}, {"provider", "show", "acme"}, {"runs", "list"}, {"runs", "show", run},
		{"runs", "show", run, "--all"},
		{"search", "acme", "oyxx"}, {"member", "show", "acme", "oyxx"}, {"tree", "acme"}, {"runs", "changes", run},
		{"explain", "acme", "oyxx"},
	} {
		o := in.ok(command...)
		for _, line := range strings.Split(o.stdout, "\n") {
			require.LessOrEqual(t, cli.Columns(line), 80, "%v: %s", command, line)
		}
	}
	found := in.ok("search", "acme", "oyxx").stdout
	require.Contains(t, found, "欧阳雄信")
	require.Contains(t, found, "ou_7d8a6e6df7621556ce0d21922b676706", "an id is never cut")
}
