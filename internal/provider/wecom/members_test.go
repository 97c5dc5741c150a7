package wecom

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// readAll reads a listing to its end and returns its pages.
func readAll(t *testing.T, client provider.Client, q provider.Query) []provider.MemberPage {
	t.Helper()
	var pages []provider.MemberPage
	for {
		page, err := client.ListDepartmentMembers(t.Context(), q)
		require.NoError(t, err)
		pages = append(pages, page)
		require.Less(t, len(pages), 20, "the listing does not end")
		if q.Cursor = page.Next; q.Cursor == "" {
			return pages
		}
	}
}

// rows shows people as "userid@department,…".
func rows(page provider.MemberPage) []string {
	var list []string
	for _, m := range page.Members {
		var in []string
		for _, s := range m.Memberships {
			in = append(in, s.DepartmentID)
		}
		list = append(list, m.ExternalID+"@"+strings.Join(in, ","))
	}
	return list
}

const (
	ids1 = `{"errcode":0,"errmsg":"ok","next_cursor":"c-2","dept_user":[{"userid":"ada","department":7},{"userid":"ada","department":1}]}`
	ids2 = `{"errcode":0,"errmsg":"ok","dept_user":[{"userid":"Cyd-01","department":1}]}`
	// people is user/list of the root.
	people = `{"errcode":0,"userlist":[{"userid":"ada","name":"Ada Wu","department":[7,1],"main_department":7,"status":1}]}`
)

func TestDepartmentMembers(t *testing.T) {
	t.Parallel()
	api := newAPI(t, nil)
	api.handlers["user/list"] = by("department_id", map[string]string{
		"7": `{"errcode":0,"userlist":[{"userid":"ada","name":"Ada Wu","department":[7,3],"order":[10,4294967295],"is_leader_in_dept":[0,1],"main_department":3,"status":1},
			{"name":"Ada"},{"userid":12},{"userid":""},"Ada",{"userid":"Bob","status":2}]}`,
		"8": `{"errcode":0,"userlist":[]}`,
	})
	client := api.open(t, appOnly)
	page, err := client.ListDepartmentMembers(t.Context(), provider.Query{Department: "7", Method: methodDepartment})
	require.NoError(t, err)
	require.Equal(t, []string{"ada@7", "Bob@7"}, rows(page))
	require.Empty(t, page.Next)
	require.Equal(t, []string{"record 2: no usable userid", "record 3: no usable userid", "record 4: no usable userid",
		"record 5: not a JSON object"}, page.Bad)

	page, err = client.ListDepartmentMembers(t.Context(), provider.Query{Department: "8", Method: methodDepartment})
	require.NoError(t, err)
	require.Empty(t, page.Members)

	_, err = client.ListDepartmentMembers(t.Context(), provider.Query{Department: "9", Method: methodDepartment})
	requireError(t, err, provider.OutOfRange)
}

func TestCompanyIDs(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]string{
		"key gone":  ids2,
		"key null":  strings.Replace(ids2, `"dept_user"`, `"next_cursor":null,"dept_user"`, 1),
		"key empty": strings.Replace(ids2, `"dept_user"`, `"next_cursor":"","dept_user"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, nil)
			api.handlers["user/list_id"] = func(r request) answer {
				if r.body["cursor"] == "c-2" {
					return answer{body: last}
				}
				return answer{body: ids1}
			}
			pages := readAll(t, api.open(t, syncOnly), provider.Query{Department: "1", Method: methodCompany})
			require.Len(t, pages, 2)
			require.Empty(t, cmp.Diff(provider.MemberPage{Next: "ids:c-2", Members: []directory.Member{
				{ExternalID: "ada", Memberships: []directory.Membership{{DepartmentID: "7"}}},
				{ExternalID: "ada", Memberships: []directory.Membership{{DepartmentID: "1"}}},
			}}, pages[0]))
			require.Equal(t, []string{"Cyd-01@1"}, rows(pages[1]))
			asked := slices.DeleteFunc(api.requests, func(r request) bool { return r.endpoint != "user/list_id" })
			require.Equal(t, map[string]any{"limit": 10000.0}, asked[0].body)
			require.Equal(t, map[string]any{"limit": 10000.0, "cursor": "c-2"}, asked[1].body)
		})
	}
}

func TestCompanyIDsThenDetails(t *testing.T) {
	t.Parallel()
	api := newAPI(t, map[string]string{"user/list": people})
	api.handlers["user/list_id"] = inTurn(ids1, ids2)
	pages := readAll(t, api.open(t, bothKeys), provider.Query{Department: "1", Method: methodCompanyAndDepartment})
	require.Len(t, pages, 3)
	require.Equal(t, []string{"ada@7", "ada@1"}, rows(pages[0]))
	require.Nil(t, pages[0].Members[0].Name)
	require.Equal(t, []string{"Cyd-01@1"}, rows(pages[1]))
	require.Equal(t, []string{"ada@1"}, rows(pages[2]))
	require.Equal(t, ptr("Ada Wu"), pages[2].Members[0].Name)
}

func TestIDPages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sent, body string
		kind       provider.Kind
	}{
		"same cursor again": {"c-2", ids1, provider.Malformed},
		"cursor of another type": {"",
			`{"errcode":0,"next_cursor":2,"dept_user":[{"userid":"a","department":1}]}`, provider.Malformed},
		"cursor with U+0000": {"",
			`{"errcode":0,"next_cursor":"a\u0000b","dept_user":[{"userid":"a","department":1}]}`, provider.Malformed},
		"cursor of 513 bytes": {"", `{"errcode":0,"next_cursor":"` + strings.Repeat("x", 513) +
			`","dept_user":[{"userid":"a","department":1}]}`, provider.Malformed},
		"empty company": {"", `{"errcode":0,"dept_user":[]}`, provider.Malformed},
		"no list":       {"c-1", `{"errcode":0}`, provider.Malformed},
		"refused cursor": {"c-1",
			`{"errcode":40058,"errmsg":"invalid Request Parameter","dept_user":[]}`, provider.CursorExpired},
		"refused cursor, other code": {"c-1", `{"errcode":40035,"errmsg":"x"}`, provider.CursorExpired},
		"refused first page": {"", `{"errcode":40058,"errmsg":"invalid Request Parameter","dept_user":[]}`,
			provider.Invalid},
		"app's secret": {"", `{"errcode":48002,"errmsg":"api forbidden","dept_user":[]}`,
			provider.Forbidden},
		"nothing on a last, late page": {"c-1", `{"errcode":0,"dept_user":[]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cursor := ""
			if test.sent != "" {
				cursor = cursorIDs + test.sent
			}
			api := newAPI(t, map[string]string{"user/list_id": test.body})
			page, err := api.open(t, syncOnly).ListDepartmentMembers(t.Context(),
				provider.Query{Department: "1", Method: methodCompany, Cursor: cursor})
			if test.kind == "" {
				require.NoError(t, err)
				require.Empty(t, page.Members)
				require.Empty(t, page.Next)
				return
			}
			requireError(t, err, test.kind)
		})
	}
}

// A new cursor is progress, whoever the page names; that nobody is named at all cannot be.
func TestEmptyIDPages(t *testing.T) {
	t.Parallel()
	page := func(next, rows string) string {
		return `{"errcode":0,"next_cursor":"` + next + `","dept_user":[` + rows + `]}`
	}
	const ada = `{"userid":"ada","department":1}`
	query := provider.Query{Department: "1", Method: methodCompany}
	for name, bodies := range map[string][]string{
		"first": {page("b", ""), page("c", ""), page("", ada)},
		"later": {page("b", ada), page("c", ""), page("d", ""), page("", "")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, nil)
			api.handlers["user/list_id"] = inTurn(bodies...)
			pages := readAll(t, api.open(t, syncOnly), query)
			require.Len(t, pages, len(bodies))
			var people []string
			for _, p := range pages {
				people = append(people, rows(p)...)
			}
			require.Equal(t, []string{"ada@1"}, people)
		})
	}
	api := newAPI(t, nil)
	api.handlers["user/list_id"] = inTurn(page("b", ""), page("c", ""), page("", ""))
	client := api.open(t, syncOnly)
	for range 2 {
		got, err := client.ListDepartmentMembers(t.Context(), query)
		require.NoError(t, err)
		query.Cursor = got.Next
	}
	_, err := client.ListDepartmentMembers(t.Context(), query)
	e := requireError(t, err, provider.Malformed)
	require.Contains(t, e.Problem.String(), "without naming anyone")
}

func TestIDRowsWithoutIDsAreReported(t *testing.T) {
	t.Parallel()
	page, err := decodeIDs(
		[]byte(
			`{"dept_user":[{"userid":"a"},{"department":3},{"userid":5,"department":3},{"userid":"a","department":"3"},7,{"userid":"b","department":9007199254740993},{"userid":"a","department":0}]}`), "", false)
	require.NoError(t, err)
	require.Equal(t, []string{"b@9007199254740993"}, rows(page))
	require.Len(t, page.Bad, 6)
	require.Equal(t, "record 1: no usable userid or department", page.Bad[0])
}

func TestUnknownListingsAndCursors(t *testing.T) {
	t.Parallel()
	api := newAPI(t, nil)
	for _, test := range []struct {
		q    provider.Query
		kind provider.Kind
	}{
		{provider.Query{Department: "3"}, provider.Invalid},
		{provider.Query{Department: "3", Method: "other"}, provider.Invalid},
		{provider.Query{Department: "3", Method: methodDepartment, Cursor: "2"}, provider.CursorExpired},
		{provider.Query{Department: "1", Method: methodCompany, Cursor: "2"}, provider.CursorExpired},
		{provider.Query{Department: "1", Method: methodCompany, Cursor: "ids:"}, provider.CursorExpired},
		{provider.Query{Department: "1", Method: methodCompanyAndDepartment, Cursor: "2"}, provider.CursorExpired},
		{provider.Query{Department: "1", Method: methodGranted, Cursor: "2"}, provider.CursorExpired},
	} {
		_, err := api.open(t, bothKeys).ListDepartmentMembers(t.Context(), test.q)
		requireError(t, err, test.kind)
	}
	require.Empty(t, api.requests)
}

// crowd makes n userids in an order that is not theirs.
func crowd(n int) (users []string, simple string) {
	var records []string
	for i := n; i > 0; i-- {
		users = append(users, fmt.Sprintf("u%03d", i))
		records = append(records, fmt.Sprintf(`{"userid":"u%03d","name":"Ada","department":[7]}`, i))
	}
	slices.Sort(users)
	return users, `{"errcode":0,"userlist":[` + strings.Join(records, ",") + `]}`
}

func TestTooLargeDepartmentIsReadOneByOne(t *testing.T) {
	t.Parallel()
	users, simple := crowd(45)
	for name, listing := range map[string]provider.ListMethod{"department": methodDepartment,
		"after the ids": methodCompanyAndDepartment} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{
				"user/list":       `{"errcode":45029,"errmsg":"too large","userlist":[]}`,
				"user/simplelist": simple,
				"user/list_id":    ids2,
			})
			api.handlers["user/get"] = func(r request) answer {
				if r.query["userid"] == "u030" {
					return answer{body: `{"errcode":60111,"errmsg":"userid not found"}`}
				}
				return answer{body: `{"errcode":0,"errmsg":"ok","userid":"` + r.query["userid"] +
					`","name":"Ada","department":[7],"order":[3],"main_department":7,"status":1}`}
			}
			pages := readAll(t, api.open(t, bothKeys), provider.Query{Department: "7", Method: listing})
			if listing == methodCompanyAndDepartment {
				pages = pages[1:]
			}
			require.Len(t, pages, 3)
			var got []string
			for _, page := range pages {
				got = append(got, rows(page)...)
			}
			require.Equal(t, slices.DeleteFunc(slices.Clone(users), func(u string) bool { return u == "u030" }),
				trimmed(got, "@7"))
			require.Equal(t, []string{"member u030 is listed but cannot be read (code 60111)"}, pages[1].Bad)
			require.Equal(t, ptr(int64(1)), pages[0].Members[0].Memberships[0].PrimaryRank)
			require.Equal(t, ptr(int64(3)), pages[0].Members[0].Memberships[0].SortOrder)
			require.Equal(t, 1, api.calls("user/list"))
		})
	}
}

func trimmed(list []string, suffix string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.TrimSuffix(s, suffix)
	}
	return out
}

func TestTooLargeEvenForIDs(t *testing.T) {
	t.Parallel()
	api := newAPI(t, map[string]string{
		"user/list":       `{"errcode":45029,"errmsg":"too large","userlist":[]}`,
		"user/simplelist": `{"errcode":45029,"errmsg":"too large","userlist":[]}`,
	})
	_, err := api.open(t, appOnly).ListDepartmentMembers(t.Context(),
		provider.Query{Department: "7", Method: methodDepartment})
	e := requireError(t, err, provider.Invalid)
	require.Contains(t, e.Action.String(), "sub-departments")
}

func TestTooLargeAndYetEmptyIsMalformed(t *testing.T) {
	t.Parallel()
	api := newAPI(t, map[string]string{
		"user/list":       `{"errcode":45029,"errmsg":"too large","userlist":[]}`,
		"user/simplelist": `{"errcode":0,"errmsg":"ok","userlist":[]}`,
	})
	_, err := api.open(t, appOnly).ListDepartmentMembers(t.Context(),
		provider.Query{Department: "7", Method: methodDepartment})
	requireError(t, err, provider.Malformed)
}

func TestGrantedMembers(t *testing.T) {
	t.Parallel()
	users, _ := crowd(21)
	var granted []string
	for _, u := range users {
		granted = append(granted, `{"userid":"`+u+`"}`)
	}
	api := newAPI(t, map[string]string{
		"department/list": limitedList,
		"agent/get": `{"errcode":0,"agentid":1000002,"allow_userinfos":{"user":[` + strings.Join(granted, ",") +
			`,{"userid":9}]}}`,
	})
	api.handlers["user/get"] = func(r request) answer {
		in := map[string]string{"u001": "[]", "u002": "[13]", "u003": "[99]", "u004": "[99,12]"}[r.query["userid"]]
		if in == "" {
			in = "null"
		}
		return answer{body: `{"errcode":0,"errmsg":"ok","userid":"` + r.query["userid"] +
			`","name":"Ada","department":` + in + `,"status":4}`}
	}
	pages := readAll(t, api.open(t, appAgent), provider.Query{Department: "1", Method: methodGranted})
	require.Len(t, pages, 2)
	require.Equal(t, []string{"u001@1", "u002@", "u003@1", "u004@", "u005@1"}, rows(pages[0])[:5])
	require.Equal(t, []string{"granted member 22: no usable userid"}, pages[0].Bad)
	require.Equal(t, []string{"u021@1"}, rows(pages[1]))
	require.Empty(t, pages[1].Bad)
	require.JSONEq(t, `{"userid":"u001","name":"Ada","department":[],"status":4}`, string(pages[0].Members[0].Raw))
}

func TestLookupTroubleEndsThePage(t *testing.T) {
	t.Parallel()
	for body, kind := range map[string]provider.Kind{
		`{"errcode":-1,"errmsg":"busy"}`: provider.Unavailable,
		`{"errcode":0,"errmsg":"ok"}`:    provider.Malformed,
		`{"errcode":0,"userid":7}`:       provider.Malformed,
	} {
		api := newAPI(t, map[string]string{"department/list": limitedList, "agent/get": agentRange, "user/get": body})
		_, err := api.open(t, appAgent).ListDepartmentMembers(t.Context(),
			provider.Query{Department: "1", Method: methodGranted})
		requireError(t, err, kind)
	}
}

// What a gateway turns into GBK and declares so is read as what it was; undeclared, it
// is no answer.
func TestMembersInAnotherEncoding(t *testing.T) {
	t.Parallel()
	const zhang = "\xd5\xc5\xc8\xfd" // 张三 in GBK
	for contentType, readable := range map[string]bool{
		"application/json; charset=gbk": true, "application/json; charset=UTF-8": false, "application/json": false,
	} {
		api := newAPI(t, nil)
		api.handlers["user/list"] = func(request) answer {
			return answer{header: map[string]string{"Content-Type": contentType},
				body: `{"errcode":0,"errmsg":"ok","userlist":[{"userid":"zhang","name":"` + zhang +
					`","department":[1]}]}`}
		}
		page, err := api.open(t, appOnly).ListDepartmentMembers(t.Context(),
			provider.Query{Department: "1", Method: methodDepartment})
		if !readable {
			requireError(t, err, provider.Malformed)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "张三", *page.Members[0].Name)
		require.Contains(t, string(page.Members[0].Raw), `"name":"张三"`)
	}
}
