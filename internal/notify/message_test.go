package notify

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

func held() Message {
	return Message{
		ID: "r1/held", Event: Held, Provider: "acme", RunID: "r1", WorkflowID: "orgsync/acme/removals/r1",
		Mode: "apply", Status: "held",
		Reason: "it would remove 21 of 42 members; the limit is 20",
		Counts: directory.Counts{Members: directory.MemberCounts{Read: 340, Created: 2, Restored: 1},
			Departments: directory.DepartmentCounts{Read: 12}},
		Planned: &directory.PerKind{Members: 21, Memberships: 24}, StartedAt: time.Unix(1, 0).UTC(),
		DecideUntil: new(time.Unix(1599360473, 0)),
		Commands:    []string{"orgsync approve acme r1", "orgsync reject acme r1"}, URL: "http://ui/held",
	}
}

func TestTextSaysWhatToDo(t *testing.T) {
	t.Parallel()
	require.Equal(t, `orgsync: acme waits for a decision on removals
Because it would remove 21 of 42 members; the limit is 20
To be removed: 21 members, 24 memberships
If nobody decides by 2020-09-06 02:47 UTC, the removals are rejected
Members: 340 read, 3 new, 0 removed
Departments: 12 read, 0 new, 0 removed
Run r1
orgsync approve acme r1
orgsync reject acme r1
http://ui/held`, held().text(longText))

	partial := held()
	partial.Event, partial.Status, partial.Planned, partial.InARow = Partial, "partial", nil, 3
	partial.Reason = "12 departments (1, 2 and 10 more): Feishu 40004: outside the range\nmember u1: cannot tell " +
		"who it is"
	partial.Counts.Departments.Failed = 12
	partial.Commands = []string{"orgsync runs retry r1 --wait"}
	require.Equal(t, `orgsync: the sync of acme could not read everything; what it did not read stays as it was
12 departments (1, 2 and 10 more): Feishu 40004: outside the range
member u1: cannot tell who it is
The last 3 runs were partial
Members: 340 read, 3 new, 0 removed
Departments: 12 read, 12 not read in full, 0 new, 0 removed
Run r1
orgsync runs retry r1 --wait
http://ui/held`, partial.text(longText))

	chinese := held()
	chinese.Language = message.Chinese
	require.Equal(t, `orgsync：acme 的移除操作等待审批
原因：it would remove 21 of 42 members; the limit is 20
待移除：成员 21，部门成员关系 24
如在 2020-09-06 02:47 UTC 前无人决定，将视为拒绝
成员：读取 340，新增 3，移除 0
部门：读取 12，新增 0，移除 0
运行 r1
orgsync approve acme r1
orgsync reject acme r1
http://ui/held`, chinese.text(longText))

	failed := Message{Event: Failed, Provider: "acme", RunID: "r2", Mode: "plan", Status: "failed",
		Reason: "WeCom 40001: the secret is wrong"}
	require.True(t, strings.HasPrefix(failed.text(longText),
		"orgsync: the plan of acme failed\nWeCom 40001: the secret is wrong\n"), failed.text(longText))
	expired := Message{Event: Expired, Provider: "acme", Reason: "nobody decided"}
	require.Contains(t, expired.text(longText), "nothing was removed")
}

// What is too long loses from the reason, never what to do.
func TestLongTextIsCut(t *testing.T) {
	t.Parallel()
	m := held()
	whole := len(m.text(longText))
	for _, length := range []int{0, 1, 2, 3, 1000, 100_000} {
		m.Reason = held().Reason + strings.Repeat("长", length)
		for most := whole; most < whole+7; most++ {
			got := m.text(most)
			require.LessOrEqual(t, len(got), most)
			require.True(t, utf8.ValidString(got))
			require.Contains(t, got, "orgsync approve acme r1")
			require.True(t, strings.HasSuffix(got, "http://ui/held"))
		}
	}
	m.URL = strings.Repeat("x", 5000)
	require.Len(t, m.text(wecomText), wecomText)
}
