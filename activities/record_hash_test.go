package activities

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

func digestFull() db.StagedMember {
	text := func(s string) *string { return &s }
	number := func(n int64) *int64 { return &n }
	yes := func() *bool { b := true; return &b }
	status := directory.Active
	return db.StagedMember{
		Member: directory.Member{
			ExternalID: "a", ExternalIDIsFallback: true, UnionID: "b", OpenID: "c",
			Profile: directory.Profile{Name: text("d"), Email: text("e"), Phone: text("f"),
				AvatarURL: text("g"), Title: text("h"), Status: &status, Activated: yes(),
				EmployeeNo: text("m"), Manager: text("n"), Attributes: directory.Attributes{directory.City: "o"}},
			Memberships: []directory.Membership{
				{DepartmentID: "i", PrimaryRank: number(1), Leader: yes(), SortOrder: number(2)}},
			Raw: json.RawMessage(`{"x":1}`), RawKeeps: []string{"y"},
		},
		Key: "j", TranslitFull: "k", TranslitInitial: "l",
	}
}

// Whatever is staged of a person counts: a field left out would never be seen to change.
func TestEveryFieldCountsInADigest(t *testing.T) {
	t.Parallel()
	digestOf := func(m db.StagedMember) db.RecordHash {
		people := []db.StagedMember{m}
		require.NoError(t, hashRecords(people))
		return people[0].Hash
	}
	seen := map[db.RecordHash]string{digestOf(digestFull()): "unchanged"}
	var vary func(path string, field func(*db.StagedMember) reflect.Value)
	check := func(path string, m db.StagedMember) {
		sum := digestOf(m)
		require.NotContains(t, seen, sum, "%s is like %s", path, seen[sum])
		seen[sum] = path
	}
	vary = func(path string, field func(*db.StagedMember) reflect.Value) {
		m := digestFull()
		f := field(&m)
		switch f.Kind() {
		case reflect.Struct:
			for i := range f.NumField() {
				vary(path+"."+f.Type().Field(i).Name,
					func(m *db.StagedMember) reflect.Value { return field(m).Field(i) })
			}
			return
		case reflect.Pointer:
			vary(path, func(m *db.StagedMember) reflect.Value { return field(m).Elem() })
			f.SetZero()
		case reflect.String:
			f.SetString(f.String() + "!")
		case reflect.Bool:
			if path == "person.OutOfScope" {
				return // what the rules say is decided after the digest
			}
			f.SetBool(!f.Bool())
		case reflect.Int64:
			f.SetInt(f.Int() + 1)
		case reflect.Slice:
			if f.Type().Elem().Kind() == reflect.Struct {
				vary(path+"[0]", func(m *db.StagedMember) reflect.Value { return field(m).Index(0) })
			}
			f.SetZero()
		case reflect.Map:
			f.SetZero()
		case reflect.Array:
			return // the digest itself
		default:
			t.Fatalf("%s: a %s", path, f.Kind())
		}
		check(path, m)
	}
	vary("person", func(m *db.StagedMember) reflect.Value { return reflect.ValueOf(m).Elem() })
	require.Greater(t, len(seen), 20)
}

// An unchanged department costs no rows, whether its listing has one page or several.
func TestUnchangedListingsAreNotStaged(t *testing.T) {
	t.Parallel()
	c := departments(3)
	c.people["1"] = [][]directory.Member{{member("1", "a"), member("1", "b")}}
	c.people["2"] = [][]directory.Member{{member("2", "c")}, {member("2", "d")}}
	c.people["3"] = [][]directory.Member{{member("3", "e")}}
	b := newBench(t, database(t), c, c)
	b.load()

	all := b.tree()
	require.Equal(t, ReadMembersResult{Read: 4, People: 5, Unchanged: true},
		must[ReadMembersResult](b, b.pull.ReadMembers, all))
	for id, entry := range b.completeness() {
		require.True(t, entry.MembersComplete, id)
		require.Equal(t, len(slices.Concat(c.people[id]...)), entry.MembersRead, id)
	}
	must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	b.begin()

	c.people["2"] = [][]directory.Member{{member("2", "c")}, {member("2", "f")}}
	all = b.tree()
	require.Equal(t, ReadMembersResult{Read: 4, People: 5}, must[ReadMembersResult](b, b.pull.ReadMembers, all))
}

// A listing that is not of a department's own people is compared each time: it may show
// people of everywhere.
func TestListingsOfOthersAreStagedAgain(t *testing.T) {
	t.Parallel()
	c := departments(0)
	c.roots[0].MembersMethod = "granted"
	c.people["0"] = [][]directory.Member{{member("0", "a"), member("0", "b")}}
	b := newBench(t, database(t), c, c)
	b.load()
	require.Equal(t, ReadMembersResult{Read: 1, People: 2}, must[ReadMembersResult](b, b.pull.ReadMembers, b.tree()))
}
