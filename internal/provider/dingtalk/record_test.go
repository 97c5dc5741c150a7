package dingtalk

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

func mustRecord(t *testing.T, raw string) record {
	t.Helper()
	r, ok := wire.Parse([]byte(raw))
	require.True(t, ok)
	return r
}

// sentIfSet fills in that what is left out has no value; facts have a test of their own.
func sentIfSet(p directory.Profile, r record) directory.Profile {
	for key, field := range map[string]**string{"avatar": &p.AvatarURL, "title": &p.Title,
		"job_number": &p.EmployeeNo} {
		if r[key] == nil {
			*field = new("")
		}
	}
	return p
}

func TestMemberFields(t *testing.T) {
	t.Parallel()
	active := ptr(directory.Active)
	tests := map[string]struct {
		record string
		want   directory.Member
	}{
		"everything": {
			`{"userid":"007","unionid":"aB3","name":" 林一 ","avatar":"https://a.example/b","title":"工程师","email":"lin@example.com","org_email":"x@corp.example","state_code":"86","mobile":"13800000001","active":true}`,
			directory.Member{UnionID: "aB3", Profile: directory.Profile{Name: ptr(" 林一 "),
				AvatarURL: ptr("https://a.example/b"), Title: ptr("工程师"),
				Email: ptr("lin@example.com"), Phone: ptr("+8613800000001"), Status: active, Activated: ptr(true)}}},
		"nothing": {`{"userid":"007"}`, directory.Member{Profile: directory.Profile{Status: active}}},
		"sent empty": {
			`{"userid":"007","name":"","avatar":"","title":"","email":"","state_code":"","mobile":""}`,
			directory.Member{Profile: directory.Profile{Name: ptr(""), AvatarURL: ptr(""), Title: ptr(""),
				Email: ptr(""), Phone: ptr(""), Status: active}}},
		"sent null": {
			`{"userid":"007","unionid":null,"name":null,"avatar":null,"title":null,"email":null,"mobile":null,"active":null,"disable_status":null}`, directory.Member{Profile: directory.Profile{Status: active}}},
		"wrong types": {
			`{"userid":"007","name":["x"],"avatar":{},"title":12,"email":true,"mobile":13800000001,"active":"maybe","disable_status":1}`, directory.Member{Profile: directory.Profile{Title: ptr("12"), Phone: ptr("13800000001"), Status: active}}},
		"not activated": {`{"userid":"007","active":false}`,
			directory.Member{Profile: directory.Profile{Status: active, Activated: ptr(false)}}},
		"switched off": {`{"userid":"007","active":true,"disable_status":true}`,
			directory.Member{Profile: directory.Profile{Status: ptr(directory.Inactive), Activated: ptr(true)}}},
		"not switched off": {`{"userid":"007","disable_status":false}`,
			directory.Member{Profile: directory.Profile{Status: active}}},
		"quoted booleans": {`{"userid":"007","active":"true","disable_status":"false"}`,
			directory.Member{Profile: directory.Profile{Status: active, Activated: ptr(true)}}},
		"company mailbox": {`{"userid":"007","email":"","org_email":"x@corp.example"}`,
			directory.Member{Profile: directory.Profile{Email: ptr("x@corp.example"), Status: active}}},
		"only a mailbox": {`{"userid":"007","org_email":"x@corp.example"}`,
			directory.Member{Profile: directory.Profile{Email: ptr("x@corp.example"), Status: active}}},
		"both mails empty": {`{"userid":"007","email":"","org_email":""}`,
			directory.Member{Profile: directory.Profile{Email: ptr(""), Status: active}}},
		"phone abroad": {`{"userid":"007","state_code":"852","mobile":"51234567"}`,
			directory.Member{Profile: directory.Profile{Phone: ptr("+85251234567"), Status: active}}},
		"code with its plus": {`{"userid":"007","state_code":"+852","mobile":"51234567"}`,
			directory.Member{Profile: directory.Profile{Phone: ptr("+85251234567"), Status: active}}},
		"code a number": {`{"userid":"007","state_code":852,"mobile":"51234567"}`,
			directory.Member{Profile: directory.Profile{Phone: ptr("+85251234567"), Status: active}}},
		"phone without code": {`{"userid":"007","mobile":"13800000001"}`,
			directory.Member{Profile: directory.Profile{Phone: ptr("13800000001"), Status: active}}},
		"phone complete": {`{"userid":"007","state_code":"86","mobile":"+85251234567"}`,
			directory.Member{Profile: directory.Profile{Phone: ptr("+85251234567"), Status: active}}},
		"code without number": {`{"userid":"007","state_code":"86"}`,
			directory.Member{Profile: directory.Profile{Status: active}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problem := toMember(mustRecord(t, tt.record), time.UTC)
			require.Empty(t, problem)
			require.Equal(t, "007", got.ExternalID)
			require.JSONEq(t, tt.record, string(got.Raw))
			got.ExternalID, got.Raw = "", nil
			tt.want.Profile, got.Attributes = sentIfSet(tt.want.Profile, mustRecord(t, tt.record)), nil
			require.Empty(t, cmp.Diff(tt.want, got))
		})
	}
}

// A unionid that is none must not look like none: its userid may have passed to somebody else.
func TestMembersWhoseIDsAreOfAnotherTypeAreNotUsed(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]string{
		`{"userid":"007","unionid":3}`: "unionid is not a string", `{"userid":7}`: "userid is not a string",
		`{"userid":null}`: "no userid",
	} {
		_, problem := toMember(mustRecord(t, record), time.UTC)
		require.Equal(t, want, problem)
	}
}

func TestMembershipsOfASingleRecord(t *testing.T) {
	t.Parallel()
	r := mustRecord(t, `{"userid":"u1","dept_id_list":[901000101,901000202,-7,"5",null,303],
		"leader_in_dept":[{"dept_id":901000202,"leader":false},{"dept_id":901000101,"leader":true},"x",{"leader":true}],
		"dept_order_list":[{"dept_id":901000202,"order":176188700000000511},{"dept_id":901000101,"order":176274900000000513}],
		"dept_position_list":[{"dept_id":901000202,"is_main":true,"title":"工程师"},{"dept_id":901000101,"is_main":false}]}`)
	require.Empty(t, cmp.Diff([]directory.Membership{
		{DepartmentID: "901000101", Leader: ptr(true), SortOrder: ptr(int64(176274900000000513)),
			PrimaryRank: ptr(int64(0))},
		{DepartmentID: "901000202", Leader: ptr(false), SortOrder: ptr(int64(176188700000000511)),
			PrimaryRank: ptr(int64(1))},
		{DepartmentID: "303", PrimaryRank: ptr(int64(0))},
	}, allMemberships(r)))
	require.Empty(t,
		allMemberships(
			mustRecord(t, `{"userid":"u1","dept_id_list":"[2,3]","leader_in_dept":{},"dept_order_list":null}`)))
}

// Of a main department nothing is said where none is named: what was said before stays.
func TestNoMainDepartmentNamed(t *testing.T) {
	t.Parallel()
	for _, positions := range []string{``, `,"dept_position_list":[]`,
		`,"dept_position_list":[{"dept_id":2,"is_main":false}]`,
		`,"dept_position_list":[{"dept_id":9,"is_main":true}]`} {
		for _, m := range allMemberships(mustRecord(t, `{"userid":"u1","dept_id_list":[2,3]`+positions+`}`)) {
			require.Nil(t, m.PrimaryRank, positions)
		}
	}
}

// Raw is everything that was sent but for what speaks of the department asked.
func TestRawIsEverythingSent(t *testing.T) {
	t.Parallel()
	m, problem := toMember(
		mustRecord(t,
			`{"userid":"u1","leader":true,"dept_order":1,"manager_userid":"boss","role_list":[{"id":3935025514},{"id":1}],
		"dept_position_list":[{"dept_id":2,"is_main":true}],"leader_in_dept":[],"dept_order_list":[{"dept_id":2,"order":176274948238067513}],"brand_new":{"x":1.10}}`), time.UTC)
	require.Empty(t, problem)
	require.Equal(t,
		`{"brand_new":{"x":1.10},"dept_order_list":[{"dept_id":2,"order":176274948238067513}],"dept_position_list":[{"dept_id":2,"is_main":true}],`+
			`"leader_in_dept":[],"manager_userid":"boss","role_list":[{"id":1},{"id":3935025514}],"userid":"u1"}`,
		string(m.Raw))
	d := toDepartment(
		mustRecord(t,
			`{"dept_id":2,"member_count":3,"owning_member_count":1,"order":9007199254740993,"brand_new":true}`), 2, "1")
	require.Equal(t, `{"brand_new":true,"dept_id":2,"order":9007199254740993}`, string(d.Raw))
}

func TestRawIsTheSameInEveryListing(t *testing.T) {
	t.Parallel()
	a, _ := toMember(
		mustRecord(t, `{"userid":"u1","dept_id_list":[100,20,3],"leader":true,"dept_order":176274948238067513,
		"unknown":{"z":9007199254740993,"a":"<&>"}}`), time.UTC)
	b, _ := toMember(mustRecord(t, `{ "unknown":{"a":"<&>","z":9007199254740993},"dept_order":7,"leader":false,
		"dept_id_list":[3,100,20],"userid":"u1" }`), time.UTC)
	require.Equal(t, `{"dept_id_list":[100,20,3],"unknown":{"a":"<&>","z":9007199254740993},"userid":"u1"}`,
		string(a.Raw))
	require.Equal(t, string(a.Raw), string(b.Raw))
}
