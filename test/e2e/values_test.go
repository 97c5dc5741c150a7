package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// nul is what no text column of Postgres takes, long what no index of it takes.
const nul = "a\x00b"

var long = strings.Repeat("x", 3000)

// oddValue is a value in an answer that cannot be what it stands for.
type oddValue struct {
	kind  directory.ProviderType
	field string
	value any
	// tree is true of what stands in listings of departments, else it is of people.
	tree bool
	// endpoint is another one than the listing's.
	endpoint string
	// pages is how many the people's listing has; 0 means one.
	pages int
	// says is what the run's errors then say; empty: the value costs nothing.
	says string
}

var oddValues = []oddValue{
	{kind: directory.Feishu, field: "open_id", value: nul, says: "open_id contains U+0000"},
	{kind: directory.Feishu, field: "user_id", value: long, says: "user_id is longer than 512 bytes"},
	{kind: directory.Feishu, field: "union_id", value: long, says: "union_id is longer than 512 bytes"},
	{kind: directory.Feishu, field: "$.data.page_token", value: nul, pages: 2, says: "page_token contains U+0000"},
	{kind: directory.Feishu, field: "name", value: nul},
	{kind: directory.Feishu, field: "hobbies", value: map[string]any{nul: []any{nul, 1e300}}},
	{kind: directory.Feishu, field: "employee_no", value: nul + long},
	{kind: directory.Feishu, field: "leader_user_id", value: long},
	{kind: directory.Feishu, field: "join_time", value: 9007199254740993},
	{kind: directory.Feishu, field: "custom_attrs", value: []any{
		map[string]any{"type": "TEXT", "id": long, "value": map[string]any{"text": nul + long}},
		map[string]any{"type": "HREF", "id": "C-1", "value": map[string]any{nul: nul, "deep": []any{nul, 1e300}}},
	}},
	{kind: directory.Feishu, tree: true, field: "open_department_id", value: nul,
		says: "open_department_id contains U+0000"},
	{kind: directory.Feishu, tree: true, field: "parent_department_id", value: long,
		says: "parent_department_id is longer than 512 bytes"},
	{kind: directory.Feishu, tree: true, field: "leaders",
		value: []any{map[string]any{"leaderType": 1, "leaderID": nul}}},
	{kind: directory.Feishu, tree: true, field: "member_count", value: 3_000_000_000},
	{kind: directory.DingTalk, field: "userid", value: nul, says: "userid contains U+0000"},
	{kind: directory.DingTalk, field: "userid", value: long, says: "userid is longer than 512 bytes"},
	{kind: directory.DingTalk, field: "unionid", value: nul, says: "unionid contains U+0000"},
	{kind: directory.DingTalk, field: "title", value: nul},
	{kind: directory.DingTalk, field: "job_number", value: nul + long},
	{kind: directory.DingTalk, field: "extension", value: `{"a\u0000b":"\u0000x","ab":1e999999,"":"keyless"}`},
	{kind: directory.DingTalk, tree: true, field: "dept_id", value: "7", says: "no usable dept_id"},
	{kind: directory.DingTalk, tree: true, field: "name", value: nul},
	{kind: directory.DingTalk, tree: true, endpoint: "department/get", field: "member_count", value: 3_000_000_000},
	{kind: directory.WeCom, field: "userid", value: nul, says: "no usable userid"},
	{kind: directory.WeCom, field: "userid", value: long, says: "no usable userid"},
	{kind: directory.WeCom, field: "avatar", value: nul},
	{kind: directory.WeCom, field: "alias", value: nul + long},
	{kind: directory.WeCom, field: "direct_leader", value: []any{nul, long}},
	{kind: directory.WeCom, field: "extattr", value: map[string]any{"attrs": []any{
		map[string]any{"type": 0, "name": nul, "text": map[string]any{"value": nul}},
		map[string]any{"type": 1, "name": long, "web": map[string]any{"url": nul, nul: nul}},
	}}},
	{kind: directory.WeCom, tree: true, field: "id", value: "7", says: `(id "7", parentid 1): no usable id`},
	{kind: directory.WeCom, tree: true, field: "parentid", value: "1", says: `, parentid "1"): no usable parentid`},
	{kind: directory.WeCom, tree: true, field: "department_leader", value: []any{nul, long}},
	{kind: directory.WeCom, tree: true, field: "order", value: 1e300},
}

// oddity is a company in which one record has such a value.
type oddity struct {
	oddValue
	*lab
	*source
	victim, other simulator.Dept
	later         afterPreflight
}

func newOddity(w *world, v oddValue) *oddity {
	w.t.Helper()
	o := &oddity{oddValue: v, lab: newLab(w.t, 51)}
	people := 3
	if v.pages > 1 {
		people = pageSize[v.kind] + 3
	}
	o.victim, _ = o.below(simulator.Root, "Victim", people)
	o.below(o.victim, "Below", 2)
	o.other, _ = o.below(simulator.Root, "Other", 3)
	o.source = w.simulateWith(v.kind, o.Company, o.later.in(v.kind))
	return o
}

// strike lets the coming run meet the value, from when its preflight is over.
func (o *oddity) strike() {
	f := simulator.Fault{Times: simulator.Forever,
		Action: simulator.Action{Kind: simulator.SetField, Field: o.field, Value: o.value}}
	switch {
	case o.endpoint != "":
		f.Endpoint = o.endpoint
	case o.tree:
		f.Endpoint, f.Action.Record = readers[o.source.kind].departments, o.department(o.victim)
	default:
		f.Endpoint, f.Department, f.Page = readers[o.source.kind].members, o.department(o.victim), min(o.pages, 1)
	}
	o.later.set(o.source, func() { o.faults.Add(f) }, nil)
}

// One value that cannot be stored costs at most the record or listing it stands in: it
// is named, everybody else is read, and nobody goes.
func TestValuesThatCannotBeStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var odd []*oddity
	var sources []*source
	for _, v := range oddValues {
		o := newOddity(w, v)
		odd, sources = append(odd, o), append(sources, o.source)
	}
	w.succeed(sources...)

	before := make([]oracle.Directory, len(odd))
	hired := make([]simulator.PersonID, len(odd))
	for i, o := range odd {
		before[i] = w.standing(o.source)
		hired[i] = o.hire(o.other)
		o.strike()
	}
	for i, result := range w.syncAll(sources...) {
		o, told := odd[i], strings.Join(result.Errors, "\n")
		label := string(o.source.kind) + " " + o.field
		w.requireNothingLost(o.source, before[i])
		require.Contains(t, w.members(o.name), o.member(hired[i]), "%s: %v", label, result.Errors)
		if o.says == "" {
			require.Equal(t, directory.RunSucceeded, result.Status, "%s: %v", label, result.Errors)
			continue
		}
		require.Equal(t, directory.RunPartial, result.Status, "%s: %v", label, result.Errors)
		require.Contains(t, told, o.says, label)
		require.NotContains(t, told, "postgres", label)
		if failed := w.failedDepartments(result.RunID); o.tree {
			root := failed[o.department(simulator.Root)]
			require.False(t, root.ChildrenComplete, label)
			require.Contains(t, root.Error, "records of departments below it", label)
			require.True(t, root.MembersComplete, "%s: %+v", label, root)
		} else {
			require.Contains(t, failed, o.department(o.victim), label)
		}
	}
	for _, o := range odd {
		require.Equal(t, 1, len(o.faults.Pending()), o.field) // forever: still there
		o.faults.Clear()
	}
	w.succeed(sources...)
}
