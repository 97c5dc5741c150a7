package feishu

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

func TestLookupMember(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		result provider.LookupResult
		kind   provider.Kind
	}{
		"works here": {data(`{"user":` + liLei + `}`), provider.LookupExists, ""},
		"somebody else": {data(`{"user":{"open_id":"ou_2","status":{"is_resigned":true}}}`), "",
			provider.Malformed},
		"frozen": {data(`{"user":{"open_id":"ou_1","status":{"is_frozen":true}}}`),
			provider.LookupExists, ""},
		"yet to join": {data(`{"user":{"open_id":"ou_1","status":{"is_unjoin":true}}}`),
			provider.LookupExists, ""},
		"resigned": {data(`{"user":{"open_id":"ou_1","status":{"is_resigned":true}}}`),
			provider.LookupNotFound, ""},
		"exited": {data(`{"user":{"open_id":"ou_1","status":{"is_exited":true}}}`),
			provider.LookupNotFound, ""},
		"status not sent":      {data(`{"user":{"open_id":"ou_1"}}`), provider.LookupExists, ""},
		"id invalid":           {refuses(400, 41012), provider.LookupNotFound, ""},
		"open_id unknown":      {refuses(400, 99992351), provider.LookupNotFound, ""},
		"user_id unknown":      {refuses(400, 99992360), provider.LookupNotFound, ""},
		"union_id unknown":     {refuses(400, 99992364), provider.LookupNotFound, ""},
		"out of range":         {refuses(400, 41050), provider.LookupNotVisible, ""},
		"open_id of other app": {refuses(400, 99992361), provider.LookupNotVisible, ""},
		"other company's":      {refuses(400, 99992381), provider.LookupNotVisible, ""},
		"no user":              {data(`{}`), "", provider.Malformed},
		"no data":              {says(200, `{"code":0}`), "", provider.Malformed},
		"unknown code":         {refuses(400, 55555), "", provider.Unavailable},
		"empty 404":            {says(404, ""), "", provider.Invalid},
		"permission":           {refuses(400, 99991672), "", provider.Forbidden},
		"trouble":              {says(502, ""), "", provider.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, map[string]http.HandlerFunc{contact + "/users/ou_1": tt.answer})
			result, err := c.LookupMember(t.Context(),
				provider.MemberRef{ExternalID: "u1", OpenID: "ou_1", UnionID: "on_1"})
			require.Equal(t, tt.result, result)
			if tt.kind == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, tt.kind, failure(t, err).Kind)
		})
	}
}

func TestMemberIsLookedUpByTheIdThatIsKnown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ref    provider.MemberRef
		id     string
		idType string
	}{
		"open_id":         {provider.MemberRef{ExternalID: "u1", OpenID: "ou_1", UnionID: "on_1"}, "ou_1", "open_id"},
		"union_id":        {provider.MemberRef{ExternalID: "u1", UnionID: "on_1"}, "on_1", "union_id"},
		"user_id":         {provider.MemberRef{ExternalID: "u1"}, "u1", "user_id"},
		"open_id as such": {provider.MemberRef{ExternalID: "ou_2"}, "ou_2", "open_id"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := contact + "/users/" + tt.id
			c, s := newFake(t, map[string]http.HandlerFunc{path: refuses(400, 41012)})
			result, err := c.LookupMember(t.Context(), tt.ref)
			require.NoError(t, err)
			require.Equal(t, provider.LookupNotFound, result)
			require.Equal(t, tt.idType, s.to(path)[0].query.Get("user_id_type"))
		})
	}

	c, s := newFake(t, nil)
	result, err := c.LookupMember(t.Context(), provider.MemberRef{})
	require.NoError(t, err)
	require.Equal(t, provider.LookupNotVisible, result)
	require.Empty(t, s.calls)
}

func TestLookupDepartment(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		result provider.LookupResult
		kind   provider.Kind
	}{
		"there":           {data(`{"department":` + engineering + `}`), provider.LookupExists, ""},
		"status not sent": {data(`{"department":{"open_department_id":"od-1"}}`), provider.LookupExists, ""},
		"deleted": {data(`{"department":{"open_department_id":"od-1","status":{"is_deleted":true}}}`),
			provider.LookupNotFound, ""},
		"not existing": {refuses(400, 40015), provider.LookupNotFound, ""},
		"unknown":      {refuses(400, 99992357), provider.LookupNotFound, ""},
		"unknown too":  {refuses(400, 99992380), provider.LookupNotFound, ""},
		"out of range": {refuses(403, 40004), provider.LookupNotVisible, ""},
		"no object":    {data(`{}`), "", provider.Malformed},
		"no data":      {refuses(400, 40008), "", provider.Unavailable},
		"empty 404":    {says(404, ""), "", provider.Invalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, map[string]http.HandlerFunc{contact + "/departments/od-1": tt.answer})
			result, err := c.LookupDepartment(t.Context(), "od-1")
			require.Equal(t, tt.result, result)
			if tt.kind == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, tt.kind, failure(t, err).Kind)
		})
	}

	c, s := newFake(t, nil)
	for id, want := range map[string]provider.LookupResult{"": provider.LookupNotVisible,
		rootID: provider.LookupExists} {
		result, err := c.LookupDepartment(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, want, result)
	}
	require.Empty(t, s.calls)
}

func TestReadMember(t *testing.T) {
	t.Parallel()
	const person = `{"user":{"open_id":"ou_1","union_id":"on_1","user_id":"u1","department_ids":["od-1","od-2","0"],"leader_user_id":"ou_9"}}`
	departments := data(
		`{"items":[{"open_department_id":"od-1","leaders":[{"leaderType":1,"leaderID":"ou_1"}]},{"open_department_id":"od-2","leaders":[]},{"open_department_id":"0"}]}`)
	c, f := newFake(t, map[string]http.HandlerFunc{
		contact + "/users/ou_1": data(person), contact + "/users/u1": data(person),
		contact + "/departments/batch": departments,
	})
	m, gone, err := c.ReadMember(t.Context(), provider.MemberRef{ExternalID: "u1", OpenID: "ou_1"})
	require.NoError(t, err)
	require.False(t, gone)
	yes, no := true, false
	require.Equal(t, []directory.Membership{{DepartmentID: "0"}, {DepartmentID: "od-1", Leader: &yes},
		{DepartmentID: "od-2", Leader: &no}}, m.Memberships)

	// Asked by user_id, the record names other people by user_id: it is asked for again.
	before := len(f.to(contact + "/users/ou_1"))
	again, _, err := c.ReadMember(t.Context(), provider.MemberRef{ExternalID: "u1"})
	require.NoError(t, err)
	require.Equal(t, m, again)
	require.Len(t, f.to(contact+"/users/ou_1"), before+1)
}

func TestReadMemberVerdicts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		gone   bool
		kind   provider.Kind
	}{
		"resigned":      {data(`{"user":{"open_id":"ou_1","status":{"is_resigned":true}}}`), true, ""},
		"unknown":       {refuses(400, 99992351), true, ""},
		"out of range":  {refuses(400, 41050), false, provider.OutOfRange},
		"somebody else": {data(`{"user":{"open_id":"ou_2"}}`), false, provider.Malformed},
		"odd record":    {data(`{"user":{"open_id":"ou_1","user_id":7}}`), false, provider.Malformed},
		"no permission": {refuses(400, 99991672), false, provider.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, map[string]http.HandlerFunc{contact + "/users/ou_1": tt.answer})
			_, gone, err := c.ReadMember(t.Context(), provider.MemberRef{OpenID: "ou_1"})
			require.Equal(t, tt.gone, gone)
			require.Equal(t, tt.kind, provider.KindOf(err))
		})
	}
	for sent, want := range map[string][]directory.Membership{``: nil, `,"department_ids":[]`: {}} {
		c, _ := newFake(t,
			map[string]http.HandlerFunc{contact + "/users/ou_1": data(`{"user":{"open_id":"ou_1"` + sent + `}}`)})
		m, _, err := c.ReadMember(t.Context(), provider.MemberRef{OpenID: "ou_1"})
		require.NoError(t, err)
		require.Equal(t, want, m.Memberships, "not sent is not none")
	}
}

// A department that no listing shows is read with what is below it, unless it is deleted.
func TestReadDepartment(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		kind   provider.Kind
	}{
		"there": {data(`{"department":{"open_department_id":"od-1","parent_department_id":"0","name":"Own"}}`),
			""},
		"deleted": {data(`{"department":{"open_department_id":"od-1","status":{"is_deleted":true}}}`),
			provider.Malformed},
		"another":      {data(`{"department":{"open_department_id":"od-2"}}`), provider.Malformed},
		"out of range": {refuses(403, 40004), provider.OutOfRange},
		"not existing": {refuses(400, 40015), provider.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, map[string]http.HandlerFunc{contact + "/departments/od-1": tt.answer})
			found, err := c.ReadDepartment(t.Context(), "od-1")
			if tt.kind != "" {
				require.Equal(t, tt.kind, failure(t, err).Kind)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []any{"od-1", "0", "Own", methodTree, methodDepartment},
				[]any{found.ExternalID, found.ParentID, *found.Name, found.ChildrenMethod, found.MembersMethod})
		})
	}
}
