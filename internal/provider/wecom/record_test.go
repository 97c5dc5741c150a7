package wecom

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

func TestMemberRecord(t *testing.T) {
	t.Parallel()
	const full = `{"userid":"ada","name":"Ada Wu","department":[7,3],"order":[10,4294967295],"position":"Lead","mobile":"13800000000","gender":"2",
		"email":"ada@example.com","biz_mail":"ada@acme.example.com","is_leader_in_dept":[1,0],"direct_leader":["cyd","bob"],"avatar":"https://example.com/a",
		"status":1,"main_department":7,"isleader":1,"enable":1,"later":{"b":9007199254740993,"a":"<x>"}}`
	const fullRaw = `{"avatar":"https://example.com/a","biz_mail":"ada@acme.example.com","department":[7,3],"direct_leader":["bob","cyd"],"email":"ada@example.com",` +
		`"enable":1,"gender":"2","is_leader_in_dept":[1,0],"later":{"a":"<x>","b":9007199254740993},"main_department":7,"mobile":"13800000000","name":"Ada Wu",` +
		`"order":[10,4294967295],"position":"Lead","status":1,"userid":"ada"}`
	type M = directory.Member
	type S = directory.Membership
	for name, test := range map[string]struct {
		record, in string
		want       M // Raw is compared only where it is set
	}{
		"everything": {full, "7",
			M{Profile: directory.Profile{Name: ptr("Ada Wu"), Email: ptr("ada@example.com"), Phone: ptr("13800000000"),
				AvatarURL: ptr("https://example.com/a"), Title: ptr("Lead"),
				Status: ptr(directory.Active), Activated: ptr(true), Manager: ptr("cyd"),
				Attributes: directory.Attributes{directory.Gender: "female",
					directory.WorkEmail: "ada@acme.example.com"}}, Raw: json.RawMessage(fullRaw),
				Memberships: []S{{DepartmentID: "7", PrimaryRank: ptr(int64(1)), Leader: ptr(true),
					SortOrder: ptr(int64(10))}}}},
		"the other department": {full, "3",
			M{Profile: directory.Profile{Name: ptr("Ada Wu"), Email: ptr("ada@example.com"), Phone: ptr("13800000000"),
				AvatarURL: ptr("https://example.com/a"), Title: ptr("Lead"),
				Status: ptr(directory.Active), Activated: ptr(true), Manager: ptr("cyd"),
				Attributes: directory.Attributes{directory.Gender: "female",
					directory.WorkEmail: "ada@acme.example.com"}}, Raw: json.RawMessage(fullRaw),
				Memberships: []S{{DepartmentID: "3", PrimaryRank: ptr(int64(0)), Leader: ptr(false),
					SortOrder: ptr(int64(4294967295))}}}},
		"only the id": {`{"userid":"ada"}`, "7",
			M{Raw: json.RawMessage(`{"userid":"ada"}`), Memberships: []S{{DepartmentID: "7"}}}},
		"sent empty": {`{"userid":"ada","name":"","position":"","mobile":"","email":"","avatar":""}`, "7",
			M{Profile: directory.Profile{Name: ptr(""), Title: ptr(""), Phone: ptr(""), Email: ptr(""),
				AvatarURL: ptr("")}, Memberships: []S{{DepartmentID: "7"}}}},
		"null is not sent": {
			`{"userid":"ada","name":null,"position":null,"mobile":null,"email":null,"avatar":null,"status":null,"department":null,"order":null,"is_leader_in_dept":null,"main_department":null}`, "7",
			M{Memberships: []S{{DepartmentID: "7"}}}},
		"other types": {
			`{"userid":"ada","name":["Ada"],"position":5,"mobile":13800000000123456789,"email":{"a":1},"avatar":false,"status":"1","department":"7","order":5,"is_leader_in_dept":{},"main_department":"7"}`, "7",
			M{Profile: directory.Profile{Title: ptr("5"), Phone: ptr("13800000000123456789"),
				Status: ptr(directory.Active), Activated: ptr(true)}, Memberships: []S{{DepartmentID: "7"}}}},
		"lists of odd elements": {
			`{"userid":"ada","department":[7,"3",null],"order":["5",{},1],"is_leader_in_dept":[true,1,1]}`, "7",
			M{Memberships: []S{{DepartmentID: "7", SortOrder: ptr(int64(5))}}}},
		"lists of other lengths": {
			`{"userid":"ada","department":[7,3],"order":[10],"is_leader_in_dept":[1,0,1],"main_department":0}`, "7",
			M{Memberships: []S{{DepartmentID: "7"}}}},
		"asked department not listed": {
			`{"userid":"ada","department":[3],"order":[10],"is_leader_in_dept":[1],"main_department":3}`, "7",
			M{Memberships: []S{{DepartmentID: "7", PrimaryRank: ptr(int64(0))}}}},
		"company address for a missing one": {`{"userid":"ada","email":"","biz_mail":"b@example.com"}`, "7",
			M{Profile: directory.Profile{Email: ptr("b@example.com"),
				Attributes: directory.Attributes{directory.WorkEmail: "b@example.com"}},
				Memberships: []S{{DepartmentID: "7"}}}},
		"company address alone": {`{"userid":"ada","biz_mail":"b@example.com"}`, "7",
			M{Profile: directory.Profile{Email: ptr("b@example.com"),
				Attributes: directory.Attributes{directory.WorkEmail: "b@example.com"}},
				Memberships: []S{{DepartmentID: "7"}}}},
		"no address is known": {`{"userid":"ada","biz_mail":""}`, "7",
			M{Profile: directory.Profile{Attributes: directory.Attributes{directory.WorkEmail: nil}},
				Memberships: []S{{DepartmentID: "7"}}}},
		"disabled": {`{"userid":"ada","status":2,"enable":0}`, "7",
			M{Profile: directory.Profile{Status: ptr(directory.Inactive)}, Memberships: []S{{DepartmentID: "7"}}}},
		"not activated": {`{"userid":"ada","status":4}`, "7",
			M{Profile: directory.Profile{Status: ptr(directory.Active), Activated: ptr(false)},
				Memberships: []S{{DepartmentID: "7"}}}},
		"left": {`{"userid":"ada","status":5}`, "7",
			M{Profile: directory.Profile{Status: ptr(directory.Deleted)}, Memberships: []S{{DepartmentID: "7"}}}},
		"unknown status": {`{"userid":"ada","status":3,"enable":0}`, "7", M{Memberships: []S{{DepartmentID: "7"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, problem := toMember(parsed(test.record))
			require.Empty(t, problem)
			got := m.in(test.in)
			test.want.ExternalID = "ada"
			if test.want.Raw == nil {
				test.want.Raw = got.Raw
			}
			require.Empty(t, cmp.Diff(test.want, got))
		})
	}
}

func TestDepartmentRecord(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		record string
		want   directory.Department
	}{
		"ids only": {`{"id":7,"parentid":3}`, directory.Department{ExternalID: "7", ParentID: "3"}},
		"no leaders": {`{"id":7,"parentid":3,"department_leader":[]}`,
			directory.Department{ExternalID: "7", ParentID: "3", Leaders: []string{}}},
		"odd leaders": {`{"id":7,"parentid":3,"department_leader":["bob",5,null,"ada"]}`,
			directory.Department{ExternalID: "7", ParentID: "3", Leaders: []string{"ada", "bob"}}},
		"leaders are no list": {`{"id":7,"parentid":3,"department_leader":"ada"}`,
			directory.Department{ExternalID: "7", ParentID: "3"}},
		"name empty": {`{"id":7,"parentid":3,"name":""}`,
			directory.Department{ExternalID: "7", ParentID: "3", Name: ptr("")}},
		"name a number": {`{"id":7,"parentid":3,"name":42,"order":"8"}`,
			directory.Department{ExternalID: "7", ParentID: "3", Name: ptr("42"), SortOrder: ptr(int64(8))}},
		"leaders beyond bounds": {`{"id":7,"parentid":3,"department_leader":["bob","a\u0000b","` +
			strings.Repeat("x", 513) + `"]}`,
			directory.Department{ExternalID: "7", ParentID: "3", Leaders: []string{"bob"}}},
		"order beyond 64 bits": {`{"id":7,"parentid":3,"order":99999999999999999999}`,
			directory.Department{ExternalID: "7", ParentID: "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problem := toDepartment(parsed(test.record))
			require.Empty(t, problem)
			require.NotEmpty(t, got.Raw)
			test.want.Raw = got.Raw
			require.Empty(t, cmp.Diff(test.want, got))
		})
	}
}

func TestIDsThatCannotBeStored(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{"U+0000": `a\u0000b`,
		"longer than 512 bytes": strings.Repeat("x", directory.MaxID+1)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problem := toMember(parsed(`{"userid":"` + id + `"}`))
			require.Equal(t, "no usable userid", problem)
		})
	}
	longest := strings.Repeat("x", directory.MaxID)
	m, problem := toMember(parsed(`{"userid":"` + longest + `","department":[7,` +
		strings.Repeat("9", directory.MaxID+1) + `]}`))
	require.Empty(t, problem)
	require.Equal(t, longest, m.in("7").ExternalID)
	require.Equal(t, []string{"7", ""}, m.departments)
}

func TestRawIsTheSameHoweverItWasSent(t *testing.T) {
	t.Parallel()
	a, problem := toMember(parsed(`{"userid":"ada","isleader":1,"direct_leader":["x","y"],"status":1}`))
	require.Empty(t, problem)
	b, problem := toMember(
		parsed(`{ "errcode":0, "errmsg":"ok", "status":1, "direct_leader":["y","x"], "userid":"ada", "isleader":0 }`))
	require.Empty(t, problem)
	require.Equal(t, string(a.in().Raw), string(b.in().Raw))
	c, problem := toDepartment(parsed(`{"department_leader":["b",1,"a"],"parentid":3,"id":7}`))
	require.Empty(t, problem)
	require.Equal(t, `{"department_leader":["a","b",1],"id":7,"parentid":3}`, string(c.Raw), "whatever it holds")
}
