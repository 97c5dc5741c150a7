package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// on renders a table on a terminal of so many columns.
func (t *table) on(width int) string { return t.render(&screen{width: width}) }

func TestTableLeavesOutAndFolds(t *testing.T) {
	t.Parallel()
	full := newTable("id", "provider", "note", "due").drop("due", "id").fold("note")
	full.AppendRow([]any{"4f1c6f6e", "acme", "moving departments of the north", "2026-01-02"})
	full.AppendRow([]any{"0000aaaa", "globex", "", "never"})
	require.Equal(t, `ID        PROVIDER  NOTE                             DUE
4f1c6f6e  acme      moving departments of the north  2026-01-02
0000aaaa  globex                                     never
`, full.on(0))
	require.Equal(t, full.on(0), full.on(63))
	require.Equal(t, `ID        PROVIDER  NOTE                   DUE
4f1c6f6e  acme      moving departments of  2026-01-02
                    the north
0000aaaa  globex                           never
`, full.on(53))
	require.Equal(t, `ID        PROVIDER  NOTE
4f1c6f6e  acme      moving departments
                    of the north
0000aaaa  globex
`, full.on(40))
	require.Equal(t, `PROVIDER  NOTE
acme      moving departments
          of the north
globex
`, full.on(30))
	// No word is ever broken.
	require.Contains(t, full.on(5), "departments\n")
}

// A Han character takes two columns, and is a word by itself.
func TestTableCountsWideCharactersTwice(t *testing.T) {
	t.Parallel()
	people := newTable("name", "department", "phone")
	people.fold("department")
	people.AppendRow([]any{"张三", "北京研发中心（平台组）", "+8613800138000"})
	people.AppendRow([]any{"Ann", "Sales", "-"})
	require.Equal(t, `NAME  DEPARTMENT              PHONE
张三  北京研发中心（平台组）  +8613800138000
Ann   Sales                   -
`, people.on(80))
	require.Equal(t, `NAME  DEPARTMENT    PHONE
张三  北京研发中心  +8613800138000
      （平台组）
Ann   Sales         -
`, people.on(34))
	for width := 32; width < 80; width++ {
		for _, line := range strings.Split(people.on(width), "\n") {
			require.LessOrEqual(t, columnsOf(line), width)
		}
	}
}

func TestFiguresAreFlushRight(t *testing.T) {
	t.Parallel()
	figures := newTable("", "read")
	rightAligned(figures, 2)
	figures.AppendRow([]any{"members", "1,234"})
	figures.AppendRow([]any{"departments", "7"})
	require.Equal(t, "              READ\nmembers      1,234\ndepartments      7\n", figures.on(80))
}

// Colour is for terminals, and for those who do not say NO_COLOR.
func TestColourIsSober(t *testing.T) {
	t.Parallel()
	runs := newTable("status", "id")
	runs.AppendRow([]any{"succeeded", "1"})
	runs.AppendRow([]any{"running (members)", "2"})
	runs.AppendRow([]any{"failed", "3"})
	require.NotContains(t, runs.on(80), "\x1b")
	require.Equal(t, "\x1b[1mSTATUS\x1b[0m             \x1b[1mID\x1b[0m\n"+
		"\x1b[32msucceeded\x1b[0m          1\nrunning (members)  2\n\x1b[31mfailed\x1b[0m             3\n", runs.render(&screen{width: 80, colour: true}))
	for env, want := range map[string]int{"": 0, "80": 80, "wide": 0, "-1": 0} {
		s := newScreen(&bytes.Buffer{}, func(name string) string { return map[string]string{"COLUMNS": env}[name] })
		require.Equal(t, want, s.width)
		require.False(t, s.colour)
		require.False(t, s.terminal)
	}
}

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
	problem := "Feishu 40004: department od-2 is outside the app's contact range; widen it, publish a version of the app and have that approved (users/find_by_department, request 20261128203130C0FFEE)"
	for i := range 25 {
		in.ledger(run, "od-4e5a6b7c8d9e0f1a2b3c4d5e6f70819"+string(rune('a'+i)), 123456, &problem)
	}
	in.query(`INSERT INTO org_members (provider_id, external_id, name, name_translit_full, name_translit_initial, email, phone, title, department_path)
		SELECT id, 'ou_7d8a6e6df7621556ce0d21922b676706', '欧阳雄信', 'ouyangxiongxin', 'oyxx', 'ouyang.xiongxin@research.acme.example.cn', '+8613800138001',
			'高级工程师', '集团公司/北京研发中心/基础平台部/操作系统组' FROM identity_providers WHERE name = 'acme'`)
	million := directory.Counts{
		Departments: directory.DepartmentCounts{Read: 1234567, Created: 1234567, Updated: 1234567, Moved: 1234567, Restored: 1234567, Deleted: 1234567, Unchanged: 1234567, Failed: 1234567},
		Members: directory.MemberCounts{Read: 1234567, Created: 1234567, Updated: 1234567, Moved: 1234567, Restored: 1234567, Deactivated: 1234567, Deleted: 1234567,
			Unchanged: 1234567, Failed: 1234567, Linked: 1234567},
	}
	require.NoError(t, store.RunHold(t.Context(), run, "it would remove 1,234 of 40,000 members; the limit is 800", "orgsync/acme/removals/"+run, million))
	in.query(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
		SELECT $1, 'member', id, id, external_id, 'updated', jsonb_build_object('email', 'ouyang.xiongxin@acme.example.cn'),
			jsonb_build_object('email', email, 'phone', phone, 'title', title, 'department_path', department_path) FROM org_members WHERE name = '欧阳雄信'`, run)
	for _, command := range [][]string{
		{"provider", "list"}, {"provider", "show", "acme"}, {"runs", "list"}, {"runs", "show", run}, {"runs", "show", run, "--all"},
		{"search", "acme", "oyxx"}, {"tree", "acme"}, {"runs", "changes", run}, {"explain", "acme", "oyxx"},
	} {
		o := in.ok(command...)
		for _, line := range strings.Split(o.stdout, "\n") {
			require.LessOrEqual(t, columnsOf(line), 80, "%v: %s", command, line)
		}
	}
	found := in.ok("search", "acme", "oyxx").stdout
	require.Contains(t, found, "欧阳雄信")
	require.Contains(t, found, "ou_7d8a6e6df7621556ce0d21922b676706", "an id is never cut")
}
