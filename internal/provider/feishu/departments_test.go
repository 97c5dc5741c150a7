package feishu

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

const (
	batchDepartmentsPath = contact + "/departments/batch"
	rootAnswer           = `{"department":{"name":"","department_id":"0","open_department_id":"0","member_count":137,"primary_member_count":137}}`
	engineering          = `{"name":"Engineering","i18n_name":{"zh_cn":"研发部"},"parent_department_id":"0","department_id":"D100","open_department_id":"od-1","leader_user_id":"ou_a","order":"2000","unit_ids":["b","a"],"member_count":42,"primary_member_count":40,"status":{"is_deleted":false},"leaders":[{"leaderType":2,"leaderID":"ou_b"},{"leaderType":1,"leaderID":"ou_a"}]}`
)

func TestRootsOfTheWholeCompany(t *testing.T) {
	t.Parallel()
	named := `{"department":{"name":"Own","open_department_id":"0"}}`
	tests := map[string]struct {
		root, tenant http.HandlerFunc
		want         string
	}{
		"own name":      {data(named), nil, "Own"},
		"tenant's name": {data(rootAnswer), data(`{"tenant":{"name":"Acme"}}`), "Acme"},
		"no name sent": {data(`{"department":{"open_department_id":"0"}}`), data(`{"tenant":{"name":"Acme"}}`),
			"Acme"},
		"tenant refused":      {data(rootAnswer), refuses(400, 99991672), "Root"},
		"tenant's other code": {data(rootAnswer), refuses(200, 77777), "Root"},
		"tenant unknown":      {data(rootAnswer), nil, "Root"},
		"tenant without name": {data(rootAnswer), data(`{"tenant":{}}`), "Root"},
		"tenant without data": {data(rootAnswer), says(200, `{"code":0}`), "Root"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			routes := map[string]http.HandlerFunc{rootPath: tt.root}
			if tt.tenant != nil {
				routes[tenantPath] = tt.tenant
			}
			c, _ := newFake(t, routes)
			roots, _, err := c.ListRoots(t.Context())
			require.NoError(t, err)
			require.Len(t, roots, 1)
			require.Equal(t, "0", roots[0].ExternalID)
			require.Empty(t, roots[0].ParentID)
			require.Equal(t, tt.want, *roots[0].Name)
			require.Equal(t, methodTree, roots[0].ChildrenMethod)
			require.Equal(t, methodDepartment, roots[0].MembersMethod)
			require.NotContains(t, string(roots[0].Raw), "member_count")
		})
	}
}

func TestRootsFailRatherThanGuess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		routes map[string]http.HandlerFunc
		want   provider.Kind
	}{
		"tenant trouble": {map[string]http.HandlerFunc{rootPath: data(rootAnswer), tenantPath: says(503, "")},
			provider.Unavailable},
		"tenant throttled": {map[string]http.HandlerFunc{rootPath: data(rootAnswer),
			tenantPath: refuses(429, 99991400)}, provider.RateLimited},
		"no department":        {map[string]http.HandlerFunc{rootPath: data(`{}`)}, provider.Malformed},
		"department not one":   {map[string]http.HandlerFunc{rootPath: data(`{"department":[]}`)}, provider.Malformed},
		"no data":              {map[string]http.HandlerFunc{rootPath: says(200, `{"code":0}`)}, provider.Malformed},
		"permission":           {map[string]http.HandlerFunc{rootPath: refuses(400, 99991672)}, provider.Forbidden},
		"scopes refused":       {limitedTo(refuses(400, 99991672), nil), provider.Forbidden},
		"scopes without data":  {limitedTo(says(200, `{"code":0}`), nil), provider.Malformed},
		"scopes empty data":    {limitedTo(data(`{}`), nil), provider.Malformed},
		"scopes with a number": {limitedTo(data(`{"has_more":false,"department_ids":[5]}`), nil), provider.Malformed},
		"scopes with an empty": {limitedTo(data(`{"has_more":false,"user_ids":[""]}`), nil), provider.Malformed},
		"scopes with U+0000": {limitedTo(data(`{"has_more":false,"user_ids":["a\u0000b"]}`), nil),
			provider.Malformed},
		"scopes only empty": {limitedTo(emptyPages(), nil), provider.Malformed},
		"scopes in a circle": {limitedTo(byCursor(map[string]string{
			"":  `{"has_more":true,"page_token":"a","user_ids":["ou_1"]}`,
			"a": `{"has_more":true,"page_token":"b","user_ids":["ou_2"]}`,
			"b": `{"has_more":true,"page_token":"a","user_ids":["ou_3"]}`}), nil), provider.Malformed},
		"batch trouble": {limitedTo(data(`{"has_more":false,"department_ids":["od-1"]}`), refuses(400, 40003)),
			provider.Unavailable},
		"batch no data": {limitedTo(data(`{"has_more":false,"department_ids":["od-1"]}`), says(200, `{"code":0}`)),
			provider.Malformed},
		"single trouble": {limitedTo(data(`{"has_more":false,"department_ids":["od-1"]}`), data(`{"items":[]}`),
			contact+"/departments/od-1", says(502, "")), provider.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t, tt.routes)
			_, _, err := c.ListRoots(t.Context())
			require.Equal(t, tt.want, failure(t, err).Kind, "%v", err)
		})
	}
}

// limitedTo routes a limited range; more are pairs of a path and its handler.
func limitedTo(scopes, batch http.HandlerFunc, more ...any) map[string]http.HandlerFunc {
	routes := map[string]http.HandlerFunc{rootPath: refuses(403, 40004), scopesPath: scopes}
	if batch != nil {
		routes[batchDepartmentsPath] = batch
	}
	for i := 0; i < len(more); i += 2 {
		routes[more[i].(string)] = more[i+1].(http.HandlerFunc)
	}
	return routes
}

func TestRootsOfALimitedRange(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, limitedTo(
		byCursor(map[string]string{
			"":       `{"has_more":true,"page_token":"A+/b==","user_ids":["ou_1"],"department_ids":["od-1"]}`,
			"A+/b==": `{"has_more":false,"department_ids":["od-gone","od-deleted","od-out","od-left","od-erased"],"group_ids":["g1"]}`,
		}),
		data(
			`{"items":[`+engineering+
				`,{"open_department_id":"od-deleted","status":{"is_deleted":true}},{"open_department_id":"od-unasked"},{"name":"no id"}]}`),
		contact+"/departments/od-gone", refuses(400, 40015),
		contact+"/departments/od-out", refuses(403, 40004),
		contact+"/departments/od-left",
		data(`{"department":{"open_department_id":"od-left","parent_department_id":"od-far"}}`),
		contact+"/departments/od-erased",
		data(`{"department":{"open_department_id":"od-erased","status":{"is_deleted":true}}}`),
	))
	roots, _, err := c.ListRoots(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"0", "od-1", "od-left", "od-out"}, ids(roots))
	require.Equal(t, provider.FoundDepartment{
		Department:    directory.Department{ExternalID: "0", Name: ptr("Root"), Raw: []byte("{}")},
		MembersMethod: methodGranted,
	}, roots[0])
	for _, top := range roots[1:] {
		require.Equal(t, methodTree, top.ChildrenMethod)
		require.Equal(t, methodDepartment, top.MembersMethod)
	}
	require.Equal(t, "0", roots[1].ParentID)
	require.Equal(t, "od-far", roots[2].ParentID)
	require.Nil(t, roots[3].Name, "unreadable, so nothing is known of it")
}

// emptyPages are as many as anybody asks for, each with a new token.
func emptyPages() http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		n++
		data(fmt.Sprintf(`{"has_more":true,"page_token":"p%d"}`, n))(w, r)
	}
}

// One granted department whose record cannot be used stays in the walk by its id.
func TestGrantedDepartmentsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, limitedTo(data(`{"has_more":false,"department_ids":["od-1","od-2","od-3"]}`),
		data(`{"items":[`+engineering+`,{"open_department_id":"od-2","parent_department_id":5}]}`),
		contact+"/departments/od-3", data(`{"department":{"open_department_id":"od-9"}}`)))
	roots, bad, err := c.ListRoots(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"0", "od-1", "od-2", "od-3"}, ids(roots))
	require.Equal(t, []string{
		`granted department "od-2": parent_department_id is not a string`,
		`granted department "od-3": the answer is another department's`,
	}, bad)
	for _, top := range roots[2:] {
		require.Equal(t, provider.FoundDepartment{Department: directory.Department{ExternalID: top.ExternalID},
			ChildrenMethod: methodTree, MembersMethod: methodDepartment}, top)
	}
}

// Of the root nothing is needed but that it answers.
func TestTheRootsParentDoesNotMatter(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t,
		map[string]http.HandlerFunc{rootPath: data(
			`{"department":{"name":"Acme","open_department_id":7,"parent_department_id":7}}`)})
	roots, bad, err := c.ListRoots(t.Context())
	require.NoError(t, err)
	require.Empty(t, bad)
	require.Equal(t, []string{"0"}, ids(roots))
	require.Empty(t, roots[0].ParentID)
}

func TestGrantedDepartmentsAreReadInBatches(t *testing.T) {
	t.Parallel()
	var granted []string
	for i := range 120 {
		granted = append(granted, fmt.Sprintf("%q", fmt.Sprintf("od-%03d", i)))
	}
	c, s := newFake(t, limitedTo(
		data(`{"has_more":false,"department_ids":[`+strings.Join(granted, ",")+`]}`),
		func(w http.ResponseWriter, r *http.Request) {
			var items []string
			for _, id := range r.URL.Query()["department_ids"] {
				items = append(items, fmt.Sprintf(`{"open_department_id":%q}`, id))
			}
			data(`{"items":[`+strings.Join(items, ",")+`]}`)(w, r)
		}))
	roots, _, err := c.ListRoots(t.Context())
	require.NoError(t, err)
	require.Len(t, roots, 121)
	calls := s.to(batchDepartmentsPath)
	require.Len(t, calls, 3)
	require.Len(t, calls[0].query["department_ids"], 50)
	require.Len(t, calls[2].query["department_ids"], 20)
}

func ids(departments []provider.FoundDepartment) []string {
	var found []string
	for _, d := range departments {
		found = append(found, d.ExternalID)
	}
	return found
}

func TestDepartmentsPageByPage(t *testing.T) {
	t.Parallel()
	const next = `AQD9/Rn9+x%2B1==`
	c, s := newFake(t, map[string]http.HandlerFunc{childrenPath: byCursor(map[string]string{
		"":   `{"has_more":true,"page_token":"` + next + `","items":[` + engineering + `]}`,
		next: `{"has_more":false,"page_token":"stale","items":[{"open_department_id":"od-2","order":3,"name":""}]}`,
	})})
	first, err := c.ListDepartments(t.Context(), wholeTree)
	require.NoError(t, err)
	require.Equal(t, next, first.Next)
	require.Equal(t, []provider.FoundDepartment{{
		Department: directory.Department{
			ExternalID: "od-1", ParentID: "0", Name: ptr("Engineering"), SortOrder: ptr(int64(2000)),
			DeclaredMembers: ptr(42),
			Leaders:         []string{"ou_a", "ou_b"}, Raw: first.Departments[0].Raw,
		},
		MembersMethod: methodDepartment,
	}}, first.Departments)

	second, err := c.ListDepartments(t.Context(), provider.Query{Department: rootID, Method: methodTree, Cursor: next})
	require.NoError(t, err)
	require.Empty(t, second.Next)
	require.Equal(t, directory.Department{
		ExternalID: "od-2", Name: ptr(""), SortOrder: ptr(int64(3)), Raw: second.Departments[0].Raw,
	}, second.Departments[0].Department)

	calls := s.to(childrenPath)
	require.NotContains(t, calls[0].query, "page_token")
	require.Equal(t, "true", calls[0].query.Get("fetch_child"))
	require.Equal(t, "50", calls[0].query.Get("page_size"))
	require.Equal(t, "open_department_id", calls[0].query.Get("department_id_type"))
	require.Equal(t, "open_id", calls[0].query.Get("user_id_type"))

	_, err = c.ListDepartments(t.Context(), provider.Query{Department: rootID, Method: methodTree, Cursor: "other"})
	require.Equal(t, provider.CursorExpired, failure(t, err).Kind)
}

func TestSameCursorTwiceIsMalformed(t *testing.T) {
	t.Parallel()
	page := data(`{"has_more":true,"page_token":"again","items":[` + engineering + `]}`)
	c, _ := newFake(t, map[string]http.HandlerFunc{childrenPath: page})
	_, err := c.ListDepartments(t.Context(), provider.Query{Department: rootID, Method: methodTree, Cursor: "again"})
	require.Equal(t, provider.Malformed, failure(t, err).Kind)
}

func TestPageTokensThatCannotBeKept(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]string{"U+0000": `a\u0000`,
		"longer than 512 bytes": strings.Repeat("x", directory.MaxID+1)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newFake(t,
				map[string]http.HandlerFunc{childrenPath: data(
					`{"has_more":true,"page_token":"` + token + `","items":[` + engineering + `]}`)})
			_, err := c.ListDepartments(t.Context(), wholeTree)
			e := failure(t, err)
			require.Equal(t, provider.Malformed, e.Kind)
			require.Contains(t, e.Problem.String(), "page_token")
		})
	}
}

// A new token is progress, whatever the page holds.
func TestEmptyPageMayNameANextOne(t *testing.T) {
	t.Parallel()
	for _, items := range []string{`,"items":[]`, ``} {
		c, _ := newFake(t,
			map[string]http.HandlerFunc{childrenPath: data(`{"has_more":true,"page_token":"b"` + items + `}`)})
		page, err := c.ListDepartments(t.Context(), wholeTree)
		require.NoError(t, err)
		require.Equal(t, "b", page.Next)
		require.Empty(t, page.Departments)
	}
}

func TestTooLargeTreeIsReadByLevels(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, map[string]http.HandlerFunc{childrenPath: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("fetch_child") != "false" {
			refuses(400, 43010)(w, r)
			return
		}
		data(
			`{"has_more":false,"items":[{"open_department_id":"od-1"},{"open_department_id":"od-2","parent_department_id":"od-0"}]}`)(w, r)
	}})
	_, err := c.ListDepartments(t.Context(), wholeTree)
	e := failure(t, err)
	require.Equal(t, provider.TooLarge, e.Kind)
	require.Equal(t, methodLevel, e.Instead)

	page, err := c.ListDepartments(t.Context(), provider.Query{Department: rootID, Method: e.Instead})
	require.NoError(t, err)
	require.Equal(t, rootID, page.Departments[0].ParentID, "not sent, but known")
	require.Equal(t, "od-0", page.Departments[1].ParentID)
	require.Equal(t, methodLevel, page.Departments[0].ChildrenMethod, "below it parents are not sent either")
	require.Equal(t, methodTree, page.Departments[1].ChildrenMethod)
	require.Equal(t, methodDepartment, page.Departments[0].MembersMethod)
}

func TestTreeWithoutParentsIsReadByLevels(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t,
		map[string]http.HandlerFunc{childrenPath: data(
			`{"has_more":false,"items":[{"open_department_id":"od-1"},{"open_department_id":"od-2"}]}`)})
	_, err := c.ListDepartments(t.Context(), wholeTree)
	e := failure(t, err)
	require.Equal(t, provider.TooLarge, e.Kind)
	require.Equal(t, methodLevel, e.Instead)
}

func TestTooLargeLevelHasNoWayOut(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, map[string]http.HandlerFunc{childrenPath: refuses(400, 43010)})
	_, err := c.ListDepartments(t.Context(), provider.Query{Department: rootID, Method: methodLevel})
	require.Equal(t, provider.Invalid, failure(t, err).Kind)
}

func TestUnusableDepartmentsDoNotSpoilThePage(t *testing.T) {
	t.Parallel()
	c, _ := newFake(t, map[string]http.HandlerFunc{childrenPath: data(`{"has_more":false,"items":[
		{"name":"` + leak + `"},
		{"open_department_id":77,"name":"` + leak + `"},
		{"open_department_id":"od-x","parent_department_id":0},
		null, "text", [],
		{"open_department_id":"od-old","status":{"is_deleted":true}},
		{"open_department_id":"od-1","parent_department_id":"0","name":12345678901234567890,"order":"first","member_count":"x","leaders":{},"leader_user_id":null,"status":[]},
		{"open_department_id":"od-\u0000","parent_department_id":"0"},
		{"open_department_id":"od-y","parent_department_id":"` + strings.Repeat("x", directory.MaxID+1) + `"}]}`)})
	page, err := c.ListDepartments(t.Context(), wholeTree)
	require.NoError(t, err)
	require.Equal(t, []string{
		"record 1: no open_department_id", "record 2: open_department_id is not a string",
		`record 3 (open_department_id "od-x"): parent_department_id is not a string`,
		"record 4: not an object", "record 5: not an object", "record 6: not an object",
		`record 9 (parent_department_id "0"): open_department_id contains U+0000`,
		`record 10 (open_department_id "od-y"): parent_department_id is longer than 512 bytes`,
	}, page.Bad)
	require.Len(t, page.Departments, 1)
	require.Equal(t, directory.Department{ExternalID: "od-1", ParentID: "0", Name: ptr("12345678901234567890"),
		Raw: page.Departments[0].Raw},
		page.Departments[0].Department)
}

func TestIdsStandInPathsEscapedOnce(t *testing.T) {
	t.Parallel()
	const id = "a/b%2F c?d"
	const escaped = contact + "/departments/a%2Fb%252F%20c%3Fd/children"
	c, s := newFake(t,
		map[string]http.HandlerFunc{contact + "/departments/" + id + "/children": data(`{"has_more":false}`)})
	_, err := c.ListDepartments(t.Context(), provider.Query{Department: id, Method: methodTree})
	require.NoError(t, err)
	require.Len(t, s.to(escaped), 1)

	for _, wrong := range []string{"", ".", ".."} {
		_, err = c.ListDepartments(t.Context(), provider.Query{Department: wrong, Method: methodTree})
		require.Equal(t, provider.Invalid, failure(t, err).Kind)
	}
}

func TestUnknownListingIsInvalid(t *testing.T) {
	t.Parallel()
	c, s := newFake(t, nil)
	for _, l := range []provider.ListMethod{"", methodDepartment, methodGranted, "other"} {
		_, err := c.ListDepartments(t.Context(), provider.Query{Department: rootID, Method: l})
		require.Equal(t, provider.Invalid, failure(t, err).Kind)
	}
	for _, q := range []provider.Query{{Department: rootID}, {Department: rootID, Method: methodTree},
		{Method: methodDepartment}} {
		_, err := c.ListDepartmentMembers(t.Context(), q)
		require.Equal(t, provider.Invalid, failure(t, err).Kind)
	}
	require.Empty(t, s.calls)
}
