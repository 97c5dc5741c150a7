package wecom

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// shape is what a test says about a found department.
type shape struct{ id, parent, members string }

func shapes(found []provider.FoundDepartment) []shape {
	list := make([]shape, len(found))
	for i, f := range found {
		list[i] = shape{f.ExternalID, f.ParentID, string(f.MembersMethod)}
	}
	return list
}

const (
	companyList = `{"errcode":0,"errmsg":"ok","department":[
		{"id":7,"name":"Platform","name_en":"Platform","department_leader":["ada"],"parentid":3,"order":4294967295},
		{"id":1,"name":"Acme","department_leader":[],"parentid":0,"order":100000000},
		{"id":3,"name":"Engineering","department_leader":["bob","ada"],"parentid":1,"order":99999000}]}`
	companySimpleList = `{"errcode":0,"errmsg":"ok","department_id":[
		{"id":9,"parentid":3,"order":5},{"id":7,"parentid":3,"order":4294967295},
		{"id":1,"parentid":0,"order":100000000},{"id":3,"parentid":1,"order":99999000}]}`
	limitedList = `{"errcode":0,"department":[{"id":12,"name":"A","parentid":8,"order":1},{"id":13,"name":"B","parentid":12,"order":1}]}`
	agentRange  = `{"errcode":0,"agentid":1000002,"name":"Directory","close":0,"allow_userinfos":{"user":[{"userid":"zoe"},{"userid":"ada"}]},"allow_partys":{"partyid":[12]},"allow_tags":{"tagid":[]}}`
)

func TestRoots(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings provider.Settings
		answers  map[string]string
		want     []shape
	}{
		"app, whole company": {appAgent, map[string]string{"department/list": companyList},
			[]shape{{"1", "", "department"}, {"7", "3", "department"}, {"3", "1", "department"}}},
		"app, limited range without agent_id": {appOnly, map[string]string{"department/list": limitedList},
			[]shape{{"12", "8", "department"}, {"13", "12", "department"}}},
		"app, limited range with people": {appAgent,
			map[string]string{"department/list": limitedList, "agent/get": agentRange},
			[]shape{{"1", "", "granted"}, {"12", "8", "department"}, {"13", "12", "department"}}},
		"app, limited range without people": {appAgent,
			map[string]string{"department/list": limitedList, "agent/get": `{"errcode":0,"agentid":1000002}`},
			[]shape{{"12", "8", "department"}, {"13", "12", "department"}}},
		"app, people only": {appAgent, map[string]string{"department/list": `{"errcode":0,"department":[]}`,
			"agent/get": `{"errcode":0,"agentid":1000002,"allow_userinfos":{"user":[{"userid":"zoe"}]}}`},
			[]shape{{"1", "", "granted"}}},
		"sync": {syncOnly, map[string]string{"department/simplelist": companySimpleList},
			[]shape{{"1", "", "corp"}, {"9", "3", ""}, {"7", "3", ""}, {"3", "1", ""}}},
		"both": {bothKeys, map[string]string{"department/simplelist": companySimpleList,
			"department/list": companyList},
			[]shape{{"1", "", "corp+department"}, {"9", "3", ""}, {"7", "3", "department"}, {"3", "1", "department"}}},
		"both, app limited": {bothKeys, map[string]string{"department/simplelist": companySimpleList,
			"department/list": `{"errcode":0,"department":[{"id":7,"name":"Platform","parentid":3},{"id":99,"name":"Just deleted","parentid":1}]}`},
			[]shape{{"1", "", "corp"}, {"9", "3", ""}, {"7", "3", "department"}, {"3", "1", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, test.answers)
			found, _, err := api.open(t, test.settings).ListRoots(t.Context())
			require.NoError(t, err)
			require.Equal(t, test.want, shapes(found))
			for _, f := range found {
				require.Empty(t, f.ChildrenMethod)
			}
			for endpoint := range test.answers {
				require.Equal(t, 1, api.calls(endpoint), endpoint)
			}
		})
	}
}

func TestRootsMergeDetailsIntoTheCompleteTree(t *testing.T) {
	t.Parallel()
	api := newAPI(t, map[string]string{
		"department/simplelist": `{"errcode":0,"department_id":[{"id":1,"parentid":0,"order":1},{"id":7,"parentid":1,"order":9223372036854775807},{"id":18446744073709551615,"parentid":1,"order":3}]}`,
		"department/list":       `{"errcode":0,"department":[{"id":7,"name":"Platform","department_leader":["bob","ada"],"parentid":3,"order":2,"count":1.10}]}`,
	})
	found, _, err := api.open(t, bothKeys).ListRoots(t.Context())
	require.NoError(t, err)
	want := []provider.FoundDepartment{
		{Department: directory.Department{ExternalID: "1", SortOrder: ptr(int64(1)),
			Raw: []byte(`{"id":1,"order":1,"parentid":0}`)}, MembersMethod: "corp"},
		{Department: directory.Department{ExternalID: "7", ParentID: "1", Name: ptr("Platform"),
			SortOrder: ptr(int64(9223372036854775807)), Leaders: []string{"ada", "bob"},
			Raw: []byte(
				`{"count":1.10,"department_leader":["ada","bob"],"id":7,"name":"Platform","order":2,"parentid":3}`)},
			MembersMethod: "department"},
		{Department: directory.Department{ExternalID: "18446744073709551615", ParentID: "1", SortOrder: ptr(int64(3)),
			Raw: []byte(`{"id":18446744073709551615,"order":3,"parentid":1}`)}},
	}
	require.Empty(t, cmp.Diff(want, found))
}

func TestRootsRefuseWhatCannotBeATree(t *testing.T) {
	t.Parallel()
	const people = `{"errcode":0,"department":[]}`
	for name, test := range map[string]struct {
		settings provider.Settings
		answers  map[string]string
		kind     provider.Kind
		words    string
	}{
		"nothing visible": {appOnly, map[string]string{"department/list": people}, provider.Forbidden,
			"Visible Range"},
		"nothing visible, no people": {appAgent,
			map[string]string{"department/list": people,
				"agent/get": `{"errcode":0,"agentid":1000002,"allow_tags":{"tagid":[1]}}`}, provider.Forbidden,
			"by tag"},
		"nothing visible, yet granted": {appAgent,
			map[string]string{"department/list": people, "agent/get": agentRange}, provider.Malformed, "names some"},
		"another app's agent_id": {appAgent,
			map[string]string{"department/list": people,
				"agent/get": `{"errcode":301002,"errmsg":"not allow operate another agent"}`}, provider.Invalid,
			"AgentId"},
		"range without agentid": {appAgent,
			map[string]string{"department/list": people, "agent/get": `{"errcode":0}`}, provider.Malformed, "agentid"},
		"range of another form": {appAgent,
			map[string]string{"department/list": people,
				"agent/get": `{"errcode":0,"agentid":1000002,"allow_userinfos":"all"}`}, provider.Malformed,
			"visible range"},
		"sync without root": {syncOnly,
			map[string]string{"department/simplelist": `{"errcode":0,"department_id":[{"id":3,"parentid":1}]}`},
			provider.Malformed, "department 1"},
		"sync without anything": {syncOnly,
			map[string]string{"department/simplelist": `{"errcode":0,"department_id":[]}`}, provider.Malformed,
			"department 1"},
		"sync with the other key": {syncOnly, map[string]string{"department/simplelist": companyList},
			provider.Malformed, "department_id"},
		"both without root": {bothKeys,
			map[string]string{"department/list": companyList,
				"department/simplelist": `{"errcode":0,"department_id":[]}`}, provider.Malformed, "department 1"},
		"all ids as text": {appOnly,
			map[string]string{
				"department/list": `{"errcode":0,"department":[{"id":"1","parentid":"0"},{"id":"3","parentid":"1"}]}`},
			provider.Malformed, `record 1 (id "1", parentid "0"): no usable id`},
		"all without objects": {syncOnly,
			map[string]string{"department/simplelist": `{"errcode":0,"department_id":["Ada"]}`}, provider.Malformed,
			"record 1: not a JSON object"},
		"cannot tell of the root": {appOnly,
			map[string]string{
				"department/list": `{"errcode":0,"department":[{"id":"1","parentid":0},{"id":3,"parentid":1}]}`,
				"department/get":  `{"errcode":-1,"errmsg":"busy"}`}, provider.Unavailable, "busy"},
		"app secret is wrong in both": {bothKeys,
			map[string]string{"department/list": `{"errcode":60011,"errmsg":"no privilege"}`,
				"department/simplelist": companySimpleList}, provider.OutOfRange, "visible range"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := newAPI(t, test.answers).open(t, test.settings).ListRoots(t.Context())
			e := requireError(t, err, test.kind)
			require.Contains(t, e.Error(), test.words)
		})
	}
}

// One record that cannot be used costs that department and is named; the tree stands.
func TestOneUnusableDepartmentIsSetAside(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", directory.MaxID+1)
	for name, test := range map[string]struct{ record, why string }{
		"no id":           {`{"name":"Ada","parentid":3}`, "record 2 (parentid 3): no usable id"},
		"id as text":      {`{"id":"7","name":"Ada","parentid":3}`, `record 2 (id "7", parentid 3): no usable id`},
		"both as text":    {`{"id":"7","parentid":"3"}`, `record 2 (id "7", parentid "3"): no usable id`},
		"id as fraction":  {`{"id":7.0,"parentid":3}`, "record 2 (id 7.0, parentid 3): no usable id"},
		"id zero":         {`{"id":0,"parentid":3}`, "record 2 (id 0, parentid 3): no usable id"},
		"id a name":       {`{"id":"Ada","parentid":3}`, "record 2 (parentid 3): no usable id"},
		"id beyond bound": {`{"id":` + long + `,"parentid":3}`, "record 2 (parentid 3): no usable id"},
		"no parent":       {`{"id":7,"name":"Ada"}`, "record 2 (id 7): no usable parentid"},
		"parent too long": {`{"id":7,"parentid":` + long + `}`, "record 2 (id 7): no usable parentid"},
		"no object":       {`"Ada"`, "record 2: not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records := `[{"id":1,"parentid":0},` + test.record + `,{"id":3,"parentid":1}]`
			api := newAPI(t, map[string]string{
				"department/list":       `{"errcode":0,"department":` + records + `}`,
				"department/simplelist": `{"errcode":0,"department_id":` + records + `}`,
			})
			for endpoint, settings := range map[string]provider.Settings{"department/list": appOnly,
				"department/simplelist": syncOnly} {
				found, bad, err := api.open(t, settings).ListRoots(t.Context())
				require.NoError(t, err)
				require.Equal(t, []string{endpoint + ": " + test.why}, bad)
				require.Len(t, found, 2)
				requireClean(t, bad[0])
			}
			require.Zero(t, api.calls("department/get"))
		})
	}
}

// The root is known to be there although its record cannot be used: nothing hangs loose.
func TestTheRootsRecordMayBeUnusable(t *testing.T) {
	t.Parallel()
	const rootless = `[{"id":"1","name":"Acme","parentid":"0"},{"id":3,"parentid":1,"department_leader":["ada"]}]`
	lists := map[string]string{
		"department/list":       `{"errcode":0,"department":` + rootless + `}`,
		"department/simplelist": `{"errcode":0,"department_id":` + rootless + `}`,
	}
	byID := directory.Department{ExternalID: "1"}
	for name, test := range map[string]struct {
		settings provider.Settings
		root     string
		want     []shape
		bad      int
	}{
		"app sees it": {appOnly, `{"errcode":0,"department":{"id":"1"}}`,
			[]shape{{"1", "", "department"}, {"3", "1", "department"}}, 1},
		"app does not": {appOnly, `{"errcode":60011,"errmsg":"no privilege"}`, []shape{{"3", "1", "department"}}, 1},
		"sync":         {syncOnly, "", []shape{{"1", "", "corp"}, {"3", "1", ""}}, 1},
		"both": {bothKeys, `{"errcode":0,"department":{"id":1}}`,
			[]shape{{"1", "", "corp+department"}, {"3", "1", "department"}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, lists)
			api.handlers["department/get"] = by("id", map[string]string{"1": test.root})
			found, bad, err := api.open(t, test.settings).ListRoots(t.Context())
			require.NoError(t, err)
			require.Equal(t, test.want, shapes(found))
			require.Len(t, bad, test.bad)
			if found[0].ExternalID == "1" {
				require.Equal(t, byID, found[0].Department, "nothing is known of it but its id")
			}
		})
	}
	found, bad, err := newAPI(t,
		map[string]string{"department/list": `{"errcode":0,"department":[{"id":1,"name":"Acme"}]}`}).open(t,
		appOnly).ListRoots(t.Context())
	require.NoError(t, err)
	require.Empty(t, bad, "it needs no parent")
	require.Equal(t, []shape{{"1", "", "department"}}, shapes(found))
}

func TestDepartmentsAreNotListedOneByOne(t *testing.T) {
	t.Parallel()
	_, err := newAPI(t, nil).open(t, appOnly).ListDepartments(t.Context(), provider.Query{Department: "7"})
	requireError(t, err, provider.Invalid)
}
