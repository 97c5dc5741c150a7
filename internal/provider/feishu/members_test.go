package feishu

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

const (
	batchUsersPath = contact + "/users/batch"
	liLei          = `{"union_id":"on_1","user_id":"3e3cf96b","open_id":"ou_1","name":"Li Lei","email":"leo@example.com","mobile":"+8613000000001","avatar":{"avatar_72":"https://img.example/a72","avatar_origin":"https://img.example/a0"},"status":{"is_frozen":false,"is_resigned":false,"is_activated":true,"is_exited":false,"is_unjoin":false},"department_ids":["od-1","0"],"join_time":1615381702,"orders":[{"department_id":"od-1","user_order":9007199254740993,"department_order":100,"is_primary_dept":true},{"department_id":"0","user_order":0,"department_order":50,"is_primary_dept":false}],"job_title":"Engineer","is_frozen":false}`
)

func TestMembersOfADepartmentPageByPage(t *testing.T) {
	t.Parallel()
	c, s := newFake(t, map[string]http.HandlerFunc{usersPath: byCursor(map[string]string{
		"":     `{"has_more":true,"page_token":"a/+=","items":[` + liLei + `]}`,
		"a/+=": `{"has_more":false,"items":[{"open_id":"ou_2"}]}`,
	})})
	first, err := c.ListDepartmentMembers(t.Context(), provider.Query{Department: "0", Method: methodDepartment})
	require.NoError(t, err)
	require.Equal(t, provider.MemberPage{Next: "a/+=", Request: "LOG1", Members: []directory.Member{{
		ExternalID: "3e3cf96b", UnionID: "on_1", OpenID: "ou_1",
		Profile: directory.Profile{Name: ptr("Li Lei"), Email: ptr("leo@example.com"), Phone: ptr("+8613000000001"),
			AvatarURL: ptr("https://img.example/a0"),
			Title:     ptr("Engineer"), Status: ptr(directory.Active), Activated: ptr(true), EmployeeNo: ptr(""),
			Manager: ptr(""),
			Attributes: directory.Attributes{directory.EnglishName: nil, directory.Alias: nil,
				directory.WorkEmail: nil, directory.City: nil, directory.Country: nil,
				directory.WorkPlace: nil, directory.HiredAt: "2021-03-10", directory.EmployeeType: nil,
				directory.Custom: nil}},
		Memberships: []directory.Membership{{DepartmentID: "0", PrimaryRank: ptr(int64(50)), SortOrder: ptr(int64(0))}},
		Raw:         first.Members[0].Raw, RawKeeps: memberPartly,
	}}}, first)

	second, err := c.ListDepartmentMembers(t.Context(),
		provider.Query{Department: "0", Method: methodDepartment, Cursor: first.Next})
	require.NoError(t, err)
	require.Equal(t, provider.MemberPage{Request: "LOG1", Members: []directory.Member{{
		ExternalID: "ou_2", ExternalIDIsFallback: true, OpenID: "ou_2",
		Memberships: []directory.Membership{{DepartmentID: "0"}},
		Raw:         []byte(`{"open_id":"ou_2"}`), RawKeeps: memberPartly,
	}}}, second)

	calls := s.to(usersPath)
	require.Equal(t, "0", calls[0].query.Get("department_id"))
	require.Equal(t, "50", calls[0].query.Get("page_size"))
	require.Equal(t, "a/+=", calls[1].query.Get("page_token"))
}

func TestEmptyDepartmentIsAnEmptyPage(t *testing.T) {
	t.Parallel()
	for _, empty := range []string{`{"has_more":false}`, `{"has_more":false,"items":[]}`,
		`{"has_more":false,"items":null,"page_token":null}`} {
		c, _ := newFake(t, map[string]http.HandlerFunc{usersPath: data(empty)})
		page, err := c.ListDepartmentMembers(t.Context(), provider.Query{Department: "od-1", Method: methodDepartment})
		require.NoError(t, err)
		require.Equal(t, provider.MemberPage{Request: "LOG1"}, page)
	}
}

func TestUnusableMembersDoNotSpoilThePage(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", directory.MaxID+1)
	c, _ := newFake(t, map[string]http.HandlerFunc{usersPath: data(`{"has_more":false,"items":[
		{"name":"` + leak +
		`"}, {"open_id":"ou_1","user_id":5}, {"open_id":5,"user_id":"u"}, {"user_id":"u","union_id":{}}, null,
		{"open_id":"ou_9","user_id":null,"union_id":"","name":null,"email":[],"mobile":13000000001,"avatar":null,"job_title":{},"status":"x","orders":5,"department_ids":"x"},
		{"open_id":"ou_\u0000","user_id":"u7"}, {"open_id":"ou_8","user_id":"` + long +
		`"}, {"open_id":"ou_9","user_id":"u9","union_id":"` + long + `"}]}`)})
	page, err := c.ListDepartmentMembers(t.Context(), provider.Query{Department: "od-1", Method: methodDepartment})
	require.NoError(t, err)
	require.Equal(t, []string{
		"record 1: neither user_id nor open_id", `record 2 (open_id "ou_1"): user_id is not a string`,
		`record 3 (user_id "u"): open_id is not a string`,
		`record 4 (user_id "u"): union_id is not a string`, "record 5: not an object",
		`record 7 (user_id "u7"): open_id contains U+0000`,
		`record 8 (open_id "ou_8"): user_id is longer than 512 bytes`,
		`record 9 (user_id "u9", open_id "ou_9"): union_id is longer than 512 bytes`,
	}, page.Bad)
	require.Equal(t, []directory.Member{{
		ExternalID: "ou_9", ExternalIDIsFallback: true, OpenID: "ou_9",
		Profile:     directory.Profile{Phone: ptr("13000000001")},
		Memberships: []directory.Membership{{DepartmentID: "od-1"}}, Raw: page.Members[0].Raw, RawKeeps: memberPartly,
	}}, page.Members)
}

func TestGrantedMembersPageByPage(t *testing.T) {
	t.Parallel()
	c, s := newFake(t, map[string]http.HandlerFunc{
		scopesPath: byCursor(map[string]string{
			"":  `{"has_more":true,"page_token":"a","user_ids":["ou_1","ou_gone","ou_out","ou_left"]}`,
			"a": `{"has_more":true,"page_token":"b","department_ids":["od-1"]}`,
			"b": `{"has_more":false,"group_ids":["g1"]}`,
		}),
		batchUsersPath:               data(`{"items":[` + liLei + `,{"name":"` + leak + `"}]}`),
		contact + "/users/ou_gone":   refuses(400, 41012),
		contact + "/users/ou_out":    refuses(400, 41050),
		contact + "/users/ou_left":   data(`{"user":{"open_id":"ou_left","status":{"is_resigned":true}}}`),
		contact + "/users/ou_unused": refuses(400, 41012),
	})
	first, err := c.ListDepartmentMembers(t.Context(), provider.Query{Department: "0", Method: methodGranted})
	require.NoError(t, err)
	require.Equal(t, "a", first.Next)
	require.Len(t, first.Members, 2)
	require.Equal(t, []directory.Membership{
		{DepartmentID: "0", PrimaryRank: ptr(int64(50)), SortOrder: ptr(int64(0))},
		{DepartmentID: "od-1", PrimaryRank: ptr(int64(math.MaxInt64)), SortOrder: ptr(int64(9007199254740993))},
	}, first.Members[0].Memberships)
	require.Equal(t, "ou_left", first.Members[1].ExternalID)
	require.Equal(t, directory.Inactive, *first.Members[1].Status)
	require.Empty(t, first.Members[1].Memberships)
	require.Equal(t, []string{"record 2: neither user_id nor open_id", `member "ou_out": granted, but out of range`},
		first.Bad)

	last, err := c.ListDepartmentMembers(t.Context(),
		provider.Query{Department: "0", Method: methodGranted, Cursor: first.Next})
	require.NoError(t, err)
	require.Equal(t, provider.MemberPage{}, last, "pages of the range without people are passed over")
	require.Len(t, s.to(batchUsersPath), 1)
}

// Nobody is granted one by one where the range says so, or where it does not speak of
// people although the app has the permission for it, which people's records show.
func TestNobodyGrantedIsAnEmptyPage(t *testing.T) {
	t.Parallel()
	const silent = `{"has_more":false,"department_ids":["od-1"]}`
	for name, routes := range map[string]map[string]http.HandlerFunc{
		"said": {scopesPath: data(`{"has_more":false,"department_ids":["od-1"],"user_ids":[]}`)},
		"said on another page": {scopesPath: byCursor(
			map[string]string{"": `{"has_more":true,"page_token":"a","user_ids":[],"group_ids":["g1"]}`, "a": silent})},
		"seen in a record": {scopesPath: data(silent),
			usersPath: data(`{"has_more":false,"items":[{"open_id":"ou_9"},` + liLei + `]}`)},
		"seen below": {
			scopesPath: data(silent), contact +
				"/departments/od-1/children": data(
				`{"has_more":false,"items":[{"open_department_id":"od-2","parent_department_id":"od-1"}]}`),
			usersPath: func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("department_id") == "od-1" {
					data(`{"has_more":false}`)(w, r)
					return
				}
				data(`{"has_more":false,"items":[`+liLei+`]}`)(w, r)
			},
		},
		"seen in another": {
			scopesPath: data(`{"has_more":false,"department_ids":["od-1","od-2"]}`),
			usersPath:  inTurn(refuses(403, 40004), data(`{"has_more":false,"items":[`+liLei+`]}`)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := newFake(t, routes)
			page, err := c.ListDepartmentMembers(t.Context(), provider.Query{Department: "0", Method: methodGranted})
			require.NoError(t, err)
			require.Equal(t, provider.MemberPage{}, page)
			require.Empty(t, s.to(batchUsersPath))
		})
	}
}

// A range that does not speak of people for want of the permission is not "nobody": the
// listing fails, and only it.
func TestPeopleWithheldAreNotNobody(t *testing.T) {
	t.Parallel()
	silent := data(`{"has_more":false,"department_ids":["od-1"]}`)
	nobody, none := data(`{"has_more":false}`), data(`{"has_more":false,"items":[]}`)
	for name, routes := range map[string]map[string]http.HandlerFunc{
		"no user_id in any record": {scopesPath: silent,
			usersPath: data(`{"has_more":false,"items":[{"open_id":"ou_1","union_id":"on_1"}]}`)},
		"no member to know by": {scopesPath: silent, usersPath: nobody, contact + "/departments/od-1/children": none},
		"null": {scopesPath: data(`{"has_more":false,"department_ids":["od-1"],"user_ids":null}`),
			usersPath: nobody, contact + "/departments/od-1/children": none},
		"no department either": {scopesPath: data(`{"has_more":false}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, routes)
			_, err := c.ListDepartmentMembers(t.Context(), provider.Query{Department: "0", Method: methodGranted})
			e := failure(t, err)
			require.False(t, e.Kind.EndsRun())
			require.False(t, e.Kind.Retryable())
			require.ErrorContains(t, err, "contact:user.employee_id:readonly")
			require.Contains(t, e.Action.String(), "Permissions & Scopes")
		})
	}
}

func TestWhoIsGrantedIsNotGuessedInTrouble(t *testing.T) {
	t.Parallel()
	silent := data(`{"has_more":false,"department_ids":["od-1"]}`)
	for name, routes := range map[string]map[string]http.HandlerFunc{
		"people":     {scopesPath: silent, usersPath: says(503, "")},
		"no listing": {scopesPath: silent, usersPath: data(`{"has_more":false,"items":"none"}`)},
		"departments": {scopesPath: silent, usersPath: data(`{"has_more":false}`),
			contact + "/departments/od-1/children": says(503, "")},
	} {
		c, _ := newFake(t, routes)
		_, err := c.ListDepartmentMembers(t.Context(), provider.Query{Department: "0", Method: methodGranted})
		require.True(t, failure(t, err).Kind.Retryable(), name)
	}
}

func TestGrantedMembersFailRatherThanGuess(t *testing.T) {
	t.Parallel()
	one := data(`{"has_more":false,"user_ids":["ou_1"]}`)
	tests := map[string]struct {
		scopes, batch, single http.HandlerFunc
		want                  provider.Kind
	}{
		"scopes":          {refuses(400, 40003), nil, nil, provider.Unavailable},
		"cursor":          {refuses(400, 40012), nil, nil, provider.CursorExpired},
		"batch":           {one, refuses(400, 99991672), nil, provider.Forbidden},
		"batch no data":   {one, says(200, `{"code":0}`), nil, provider.Malformed},
		"batch no list":   {one, data(`{"items":"none"}`), nil, provider.Malformed},
		"single":          {one, data(`{}`), says(500, ""), provider.Unavailable},
		"single no user":  {one, data(`{}`), data(`{}`), provider.Malformed},
		"single not user": {one, data(`{}`), data(`{"user":null}`), provider.Malformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			routes := map[string]http.HandlerFunc{scopesPath: tt.scopes}
			if tt.batch != nil {
				routes[batchUsersPath] = tt.batch
			}
			if tt.single != nil {
				routes[contact+"/users/ou_1"] = tt.single
			}
			c, _ := newFake(t, routes)
			_, err := c.ListDepartmentMembers(t.Context(), provider.Query{Department: "0", Method: methodGranted})
			require.Equal(t, tt.want, failure(t, err).Kind, "%v", err)
		})
	}
}
