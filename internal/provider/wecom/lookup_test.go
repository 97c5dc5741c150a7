package wecom

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

func TestCountMembers(t *testing.T) {
	t.Parallel()
	api := newAPI(t, nil)
	api.handlers["user/simplelist"] = by("department_id", map[string]string{
		"7": `{"errcode":0,"userlist":[{"userid":"ada"},{"userid":"bob"}]}`,
		"6": `{"errcode":0,"userlist":[{"userid":"ada"},{"userid":"bob"},{"userid":"ada"}]}`,
		"8": `{"errcode":0,"userlist":[]}`,
		"9": `{"errcode":0}`,
	})
	counter := api.open(t, appOnly).(provider.MemberCounter)
	for department, want := range map[string]int{"6": 2, "7": 2, "8": 0} {
		got, err := counter.CountMembers(t.Context(), department)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := counter.CountMembers(t.Context(), "9")
	requireError(t, err, provider.Malformed)
	_, err = counter.CountMembers(t.Context(), "10")
	requireError(t, err, provider.OutOfRange)
}

func TestLookupMember(t *testing.T) {
	t.Parallel()
	const (
		notFound = `{"errcode":60111,"errmsg":"userid not found","department":[]}`
		root     = `{"errcode":0,"department":{"id":1,"name":"Acme","parentid":0}}`
		hidden   = `{"errcode":60011,"errmsg":"no privilege"}`
	)
	for name, test := range map[string]struct {
		user, root string
		result     provider.LookupResult
		kind       provider.Kind
	}{
		"not found, whole company visible": {user: notFound, root: root, result: provider.LookupNotFound},
		"not found, limited range":         {user: notFound, root: hidden, result: provider.LookupNotVisible},
		"not found, root unknown": {user: notFound, root: `{"errcode":60003,"errmsg":"x"}`,
			result: provider.LookupNotVisible},
		"not found, root answer is odd": {user: notFound, root: `{"errcode":0}`, kind: provider.Malformed},
		"not found, then busy":          {user: notFound, root: `{"errcode":-1}`, kind: provider.Unavailable},
		"left": {user: `{"errcode":0,"userid":"ada","status":5}`,
			result: provider.LookupNotFound},
		"works there":          {user: `{"errcode":0,"userid":"ada","status":1}`, result: provider.LookupExists},
		"disabled":             {user: `{"errcode":0,"userid":"ada","status":2}`, result: provider.LookupExists},
		"not activated":        {user: `{"errcode":0,"userid":"ada","status":4}`, result: provider.LookupExists},
		"status not sent":      {user: `{"errcode":0,"userid":"ada"}`, result: provider.LookupExists},
		"out of range":         {user: hidden, root: root, result: provider.LookupNotVisible},
		"userid not valid":     {user: `{"errcode":40003,"errmsg":"x"}`, root: root, result: provider.LookupNotVisible},
		"somebody else":        {user: `{"errcode":0,"userid":"adam","status":5}`, kind: provider.Malformed},
		"nobody in the answer": {user: `{"errcode":0,"errmsg":"ok"}`, kind: provider.Malformed},
		"busy":                 {user: `{"errcode":-1}`, kind: provider.Unavailable},
		"address refused":      {user: `{"errcode":60020}`, kind: provider.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{"user/get": test.user, "department/get": test.root})
			result, err := api.open(t, bothKeys).(provider.ObjectLookup).LookupMember(t.Context(),
				provider.MemberRef{ExternalID: "ada"})
			require.Equal(t, test.result, result)
			if test.kind == "" {
				require.NoError(t, err)
				return
			}
			requireError(t, err, test.kind)
		})
	}
}

func TestLookupDepartment(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string
		result provider.LookupResult
		kind   provider.Kind
	}{
		"does not exist":     {`{"errcode":60003,"errmsg":"x"}`, provider.LookupNotFound, ""},
		"not valid":          {`{"errcode":60123,"errmsg":"x"}`, provider.LookupNotFound, ""},
		"exists":             {`{"errcode":0,"department":{"id":7,"parentid":1}}`, provider.LookupExists, ""},
		"out of range":       {`{"errcode":60011,"errmsg":"x"}`, provider.LookupNotVisible, ""},
		"parent unknown":     {`{"errcode":60004,"errmsg":"x"}`, provider.LookupNotVisible, ""},
		"empty answer":       {`{"errcode":0,"errmsg":"ok"}`, "", provider.Malformed},
		"another department": {`{"errcode":0,"department":{"id":8,"parentid":1}}`, "", provider.Malformed},
		"another form":       {`{"errcode":0,"department":[]}`, "", provider.Malformed},
		"busy":               {`{"errcode":6000,"errmsg":"x"}`, "", provider.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{"department/get": test.answer})
			result, err := api.open(t, appOnly).(provider.ObjectLookup).LookupDepartment(t.Context(), "7")
			require.Equal(t, test.result, result)
			if test.kind == "" {
				require.NoError(t, err)
				return
			}
			requireError(t, err, test.kind)
		})
	}
}

func TestEverybody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cursor, body string
		named        []string
		next         string
		kind         provider.Kind
	}{
		"first page":             {"", ids1, []string{"ada@7", "ada@1"}, "ids:c-2", ""},
		"last page":              {"ids:c-2", ids2, []string{"Cyd-01@1"}, "", ""},
		"nobody at all":          {"", `{"errcode":0,"dept_user":[]}`, nil, "", provider.Malformed},
		"cursor that expired":    {"ids:c-2", `{"errcode":40058,"errmsg":"x"}`, nil, "", provider.CursorExpired},
		"cursor of another kind": {"details", ids1, nil, "", provider.CursorExpired},
		"refused":                {"", `{"errcode":48002,"errmsg":"x"}`, nil, "", provider.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{"user/list_id": test.body})
			page, err := api.open(t, syncOnly).(provider.MemberLister).ListMembers(t.Context(), test.cursor)
			require.Equal(t, test.named, rows(page))
			require.Equal(t, test.next, page.Next)
			if test.kind == "" {
				require.NoError(t, err)
				return
			}
			requireError(t, err, test.kind)
		})
	}
}

func TestReadMember(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		user   string
		places []directory.Membership
		kind   provider.Kind
	}{
		"other case": {`{"errcode":0,"userid":"Ada","department":[7]}`,
			[]directory.Membership{{DepartmentID: "7"}}, ""},
		"somebody else": {`{"errcode":0,"userid":"adam","department":[7]}`, nil, provider.Malformed},
		"in none that is seen": {`{"errcode":0,"userid":"ada","department":[]}`,
			[]directory.Membership{{DepartmentID: "1"}}, ""},
		"nothing said": {`{"errcode":0,"userid":"ada"}`, nil, ""},
		"not visible":  {`{"errcode":60111,"errmsg":"userid not found"}`, nil, provider.NotFound},
		"out of range": {`{"errcode":60011,"errmsg":"no privilege"}`, nil, provider.OutOfRange},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{"user/get": tt.user,
				"department/get": `{"errcode":60011,"errmsg":"no privilege"}`})
			m, gone, err := api.open(t, appOnly).(provider.MemberReader).ReadMember(t.Context(),
				provider.MemberRef{ExternalID: "ada"})
			require.False(t, gone)
			require.Equal(t, tt.kind, provider.KindOf(err))
			require.Equal(t, tt.places, m.Memberships)
		})
	}
}
