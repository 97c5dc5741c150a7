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
		"8": `{"errcode":0,"userlist":[]}`,
		"9": `{"errcode":0}`,
	})
	counter := api.open(t, appOnly).(provider.MemberCounter)
	for department, want := range map[string]int{"7": 2, "8": 0} {
		got, err := counter.CountMembers(t.Context(), department)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := counter.CountMembers(t.Context(), "9")
	requireError(t, err, provider.Malformed)
	_, err = counter.CountMembers(t.Context(), "10")
	requireError(t, err, provider.OutOfRange)
}

func TestMemberGone(t *testing.T) {
	t.Parallel()
	const (
		notFound = `{"errcode":60111,"errmsg":"userid not found","department":[]}`
		root     = `{"errcode":0,"department":{"id":1,"name":"Acme","parentid":0}}`
		hidden   = `{"errcode":60011,"errmsg":"no privilege"}`
	)
	for name, test := range map[string]struct {
		user, root string
		gone       bool
		kind       provider.Kind
	}{
		"not found, whole company visible": {user: notFound, root: root, gone: true},
		"not found, limited range":         {user: notFound, root: hidden},
		"not found, root unknown":          {user: notFound, root: `{"errcode":60003,"errmsg":"x"}`},
		"not found, root answer is odd":    {user: notFound, root: `{"errcode":0}`, kind: provider.Malformed},
		"not found, then busy":             {user: notFound, root: `{"errcode":-1}`, kind: provider.Unavailable},
		"left":                             {user: `{"errcode":0,"userid":"ada","status":5}`, gone: true},
		"works there":                      {user: `{"errcode":0,"userid":"ada","status":1}`},
		"disabled":                         {user: `{"errcode":0,"userid":"ada","status":2}`},
		"status not sent":                  {user: `{"errcode":0,"userid":"ada"}`},
		"out of range":                     {user: hidden, root: root},
		"userid not valid":                 {user: `{"errcode":40003,"errmsg":"x"}`, root: root},
		"nobody in the answer":             {user: `{"errcode":0,"errmsg":"ok"}`, kind: provider.Malformed},
		"busy":                             {user: `{"errcode":-1}`, kind: provider.Unavailable},
		"address refused":                  {user: `{"errcode":60020}`, kind: provider.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{"user/get": test.user, "department/get": test.root})
			gone, err := api.open(t, bothKeys).(provider.Confirmer).MemberGone(t.Context(), provider.MemberRef{ExternalID: "ada"})
			require.Equal(t, test.gone, gone)
			if test.kind == "" {
				require.NoError(t, err)
				return
			}
			requireError(t, err, test.kind)
		})
	}
}

func TestDepartmentGone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string
		gone   bool
		kind   provider.Kind
	}{
		"does not exist":     {`{"errcode":60003,"errmsg":"x"}`, true, ""},
		"not valid":          {`{"errcode":60123,"errmsg":"x"}`, true, ""},
		"exists":             {`{"errcode":0,"department":{"id":7,"parentid":1}}`, false, ""},
		"out of range":       {`{"errcode":60011,"errmsg":"x"}`, false, ""},
		"empty answer":       {`{"errcode":0,"errmsg":"ok"}`, false, provider.Malformed},
		"another department": {`{"errcode":0,"department":{"id":8,"parentid":1}}`, false, provider.Malformed},
		"another form":       {`{"errcode":0,"department":[]}`, false, provider.Malformed},
		"busy":               {`{"errcode":6000,"errmsg":"x"}`, false, provider.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{"department/get": test.answer})
			gone, err := api.open(t, appOnly).(provider.Confirmer).DepartmentGone(t.Context(), "7")
			require.Equal(t, test.gone, gone)
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
		"other case":           {`{"errcode":0,"userid":"Ada","department":[7]}`, []directory.Membership{{DepartmentID: "7"}}, ""},
		"somebody else":        {`{"errcode":0,"userid":"adam","department":[7]}`, nil, provider.Malformed},
		"in none that is seen": {`{"errcode":0,"userid":"ada","department":[]}`, []directory.Membership{{DepartmentID: "1"}}, ""},
		"nothing said":         {`{"errcode":0,"userid":"ada"}`, nil, ""},
		"not visible":          {`{"errcode":60111,"errmsg":"userid not found"}`, nil, provider.NotFound},
		"out of range":         {`{"errcode":60011,"errmsg":"no privilege"}`, nil, provider.OutOfRange},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, map[string]string{"user/get": tt.user, "department/get": `{"errcode":60011,"errmsg":"no privilege"}`})
			m, gone, err := api.open(t, appOnly).(provider.MemberReader).ReadMember(t.Context(), provider.MemberRef{ExternalID: "ada"})
			require.False(t, gone)
			require.Equal(t, tt.kind, provider.KindOf(err))
			require.Equal(t, tt.places, m.Memberships)
		})
	}
}
