package feishu

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

func read(t *testing.T, object string) record {
	t.Helper()
	r, ok := wire.Parse(json.RawMessage(object))
	require.True(t, ok)
	return r
}

func TestEmail(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]*string{
		`{}`:                                    nil,
		`{"email":null}`:                        nil,
		`{"email":""}`:                          ptr(""),
		`{"email":"a"}`:                         ptr("a"),
		`{"enterprise_email":"b"}`:              nil, // email needs a permission of its own, which may be lost
		`{"enterprise_email":""}`:               nil,
		`{"email":null,"enterprise_email":"b"}`: nil,
		`{"email":"","enterprise_email":"b"}`:   ptr("b"),
		`{"email":"","enterprise_email":""}`:    ptr(""),
		`{"email":"a","enterprise_email":"b"}`:  ptr("a"),
		`{"email":{},"enterprise_email":[]}`:    nil,
	} {
		require.Equal(t, want, email(read(t, object)), object)
	}
}

func TestAvatar(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]*string{
		`{}`:                              nil,
		`{"avatar":null}`:                 nil,
		`{"avatar":"https://x"}`:          nil,
		`{"avatar":{}}`:                   nil,
		`{"avatar":{"avatar_origin":""}}`: ptr(""),
		`{"avatar":{"avatar_origin":"","avatar_72":"small"}}`: ptr("small"),
		`{"avatar":{"avatar_240":"m","avatar_640":"l"}}`:      ptr("l"),
	} {
		require.Equal(t, want, avatar(read(t, object)), object)
	}
}

func TestStatusAndLeaving(t *testing.T) {
	t.Parallel()
	tests := []struct {
		object string
		status *directory.Status
		left   bool
	}{
		{`{}`, nil, false},
		{`{"status":null}`, nil, false},
		{`{"status":{}}`, nil, false},
		{`{"status":{"is_activated":false,"is_unjoin":true}}`, nil, false},
		{`{"status":{"is_frozen":false}}`, ptr(directory.Active), false},
		{`{"status":{"is_frozen":false,"is_activated":false,"is_unjoin":true}}`, ptr(directory.Active), false},
		{`{"status":{"is_frozen":true}}`, ptr(directory.Inactive), false},
		{`{"status":{"is_frozen":false,"is_resigned":true}}`, ptr(directory.Inactive), true},
		{`{"status":{"is_exited":true,"is_frozen":false}}`, ptr(directory.Inactive), true},
		{`{"status":{"is_resigned":"true"}}`, nil, false},
	}
	for _, tt := range tests {
		require.Equal(t, tt.status, status(read(t, tt.object)), tt.object)
		require.Equal(t, tt.left, hasLeft(read(t, tt.object)), tt.object)
	}
}

func TestMembershipRank(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]directory.Membership{
		`{}`:              {DepartmentID: "od-1"},
		`{"orders":null}`: {DepartmentID: "od-1"},
		`{"orders":[{"department_id":"od-2","department_order":5}]}`: {
			DepartmentID: "od-1"},
		`{"orders":[null,5,{"department_id":1},{"department_id":"od-1"}]}`: {
			DepartmentID: "od-1"},
		`{"orders":[{"department_id":"od-1","department_order":7,"user_order":3}]}`: {
			DepartmentID: "od-1", PrimaryRank: ptr(int64(7)), SortOrder: ptr(int64(3))},
		`{"orders":[{"department_id":"od-1","department_order":7,"is_primary_dept":true}]}`: {
			DepartmentID: "od-1", PrimaryRank: ptr(int64(math.MaxInt64))},
		`{"orders":[{"department_id":"od-1","department_order":1.5,"user_order":9223372036854775807}]}`: {
			DepartmentID: "od-1", SortOrder: ptr(int64(math.MaxInt64))},
		`{"orders":[{"department_id":"od-1","department_order":9223372036854775808,"user_order":"first"}]}`: {
			DepartmentID: "od-1"},
	} {
		require.Equal(t, want, membershipIn(read(t, object), "od-1"), object)
	}
}

func TestLeaders(t *testing.T) {
	t.Parallel()
	for object, want := range map[string][]string{
		`{}`:                                     nil,
		`{"leaders":null,"leader_user_id":null}`: nil,
		`{"leaders":[{"leaderType":1}]}`:         nil, // the permission to see the id is missing
		`{"leaders":[]}`:                         {},
		`{"leader_user_id":""}`:                  {},
		`{"leader_user_id":"ou_a"}`:              {"ou_a"},
		`{"leader_user_id":"a\u0000b"}`:          nil,
		`{"leaders":[{"leaderID":"a\u0000b"},{"leaderID":"ou_a"}],"leader_user_id":"a\u0000b"}`:                                           {"ou_a"},
		`{"leaders":[],"leader_user_id":"ou_a"}`:                                                                                          {"ou_a"},
		`{"leaders":[{"leaderType":2,"leaderID":"ou_c"},{"leaderType":1,"leaderID":"ou_b"},{"leaderID":"ou_b"}],"leader_user_id":"ou_b"}`: {"ou_b", "ou_c"},
	} {
		require.Equal(t, want, leaders(read(t, object)), object)
	}
}

func TestRawIsCanonical(t *testing.T) {
	t.Parallel()
	one, problem := toMember(
		read(t, `{"open_id":"ou_1","zeta":{"b":1,"a":[3,2]},"big":12345678901234567890,"department_ids":["b","a"],
		"orders":[{"department_id":"b"},{"department_id":"a"}],"is_frozen":false}`), time.UTC)
	require.Empty(t, problem)
	other, problem := toMember(
		read(t, `{"orders":[{"department_id":"a"},{"department_id":"b"}],"department_ids":["a","b"],
		"big":12345678901234567890,"zeta":{"a":[3,2],"b":1},"open_id":"ou_1"}`), time.UTC)
	require.Empty(t, problem)
	require.Equal(t, string(one.Raw), string(other.Raw))
	require.Equal(t, `{"big":12345678901234567890,"department_ids":["a","b"],"open_id":"ou_1",`+
		`"orders":[{"department_id":"a"},{"department_id":"b"}],"zeta":{"a":[3,2],"b":1}}`, string(one.Raw))
}

// Raw is everything that was sent but what repeats status; what some calls leave out stays.
func TestRawIsEverythingSent(t *testing.T) {
	t.Parallel()
	m, problem := toMember(
		read(t,
			`{"open_id":"ou_1","is_frozen":true,"assign_info":[{"seat_id":"2"},{"seat_id":"1"}],"subscription_ids":["s"],"brand_new":{"x":1.10},"job_level_id":"mga5"}`), time.UTC)
	require.Empty(t, problem)
	require.Equal(t,
		`{"assign_info":[{"seat_id":"1"},{"seat_id":"2"}],"brand_new":{"x":1.10},"job_level_id":"mga5","open_id":"ou_1","subscription_ids":["s"]}`, string(m.Raw))
	require.Equal(t, []string{"assign_info", "subscription_ids"}, m.RawKeeps)
	d, problem := toDepartment(
		read(t, `{"open_department_id":"od-1","member_count":5,"primary_member_count":4,"brand_new":true}`))
	require.Empty(t, problem)
	require.Equal(t, `{"brand_new":true,"open_department_id":"od-1"}`, string(d.Raw))
}

func TestRawOfADepartmentIgnoresHeadCounts(t *testing.T) {
	t.Parallel()
	one, _ := toDepartment(read(t, engineering))
	other, _ := toDepartment(
		read(t,
			`{"name":"Engineering","i18n_name":{"zh_cn":"研发部"},"parent_department_id":"0","department_id":"D100","open_department_id":"od-1","leader_user_id":"ou_a","order":"2000","unit_ids":["a","b"],"member_count":7,"status":{"is_deleted":false},"leaders":[{"leaderType":1,"leaderID":"ou_a"},{"leaderType":2,"leaderID":"ou_b"}]}`))
	require.Equal(t, string(one.Raw), string(other.Raw))
	require.Equal(t, 7, *other.DeclaredMembers)
}

func TestHeadCountsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, object := range []string{`{}`, `{"member_count":-1}`, `{"member_count":1.5}`,
		`{"member_count":99999999999}`, `{"member_count":true}`} {
		require.Nil(t, read(t, object).Count("member_count"), object)
	}
}
