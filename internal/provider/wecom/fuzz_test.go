package wecom

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

// odd are answers that no API should send.
var odd = []string{``, `null`, `{}`, `[]`, `{"errcode":null}`, `{"errcode":1e3}`,
	`{"userlist":[null,1,"",[],{}],"department":{},"department_id":[{"id":1e2}],"dept_user":[{}]}`,
	"{\"userlist\":[{\"userid\":\"\\ud800\",\"name\":\"\\u0000\"}]}", "\xef\xbb\xbf{}",
	`{"access_token":"","expires_in":-9223372036854775808}`}

func seed(f *testing.F, more ...string) {
	for _, s := range append(more, odd...) {
		f.Add([]byte(s))
	}
}

func FuzzJudge(f *testing.F) {
	seed(f, twoDepartments, `{"errcode":60020,"errmsg":"x, hint: [17_1_ab], from ip: 192.0.2.10, more"}`)
	cred := &credential{label: provider.Detail("app secret"), place: provider.Detail("App Management")}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, status := range []int{200, 302, 404, 502} {
			err := interpret(cred, userList, &provider.Reply{Status: status, Body: body})
			if err == nil {
				require.Equal(t, 200, status)
				require.True(t, json.Valid(body))
				continue
			}
			require.NotEmpty(t, err.Kind)
			require.NotEmpty(t, err.Problem)
		}
	})
}

func FuzzDecodeToken(f *testing.F) {
	seed(f, `{"errcode":0,"access_token":"t","expires_in":7200}`)
	f.Fuzz(func(t *testing.T, body []byte) {
		token, life, err := decodeTokenOf(getToken, body, "access_token")
		if err == nil {
			require.NotEmpty(t, token)
			require.Positive(t, life)
			require.Less(t, life, tokenLife)
		}
	})
}

func FuzzDecodeDepartments(f *testing.F) {
	seed(f, companyList, companySimpleList, limitedList)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, ep := range []provider.Endpoint{departmentList, departmentSimpleList} {
			list, bad, err := decodeDepartments(ep, body)
			if err != nil {
				require.Equal(t, provider.Malformed, provider.KindOf(err))
				require.Empty(t, bad)
			}
			for _, d := range list {
				require.True(t, isID(d.ExternalID))
				require.True(t, d.ParentID == "" || isID(d.ParentID))
				requireCanonical(t, d.Raw)
			}
		}
	})
}

func FuzzDecodeDepartment(f *testing.F) {
	seed(f, `{"errcode":0,"department":{"id":7,"parentid":1}}`)
	f.Fuzz(func(t *testing.T, body []byte) {
		same, err := decodeDepartment(body, "7")
		require.Equal(t, err == nil, same)
	})
}

func FuzzDecodeMembers(f *testing.F) {
	seed(f, people, fullMember, newAppsView,
		`{"userlist":[{"userid":"a","department":[7],"order":[1],"is_leader_in_dept":[1],"main_department":7,"direct_leader":["b","a"]}]}`)
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := decodeMembers(body, "7")
		if err != nil {
			require.Equal(t, provider.Malformed, provider.KindOf(err))
		}
		for _, m := range page.Members {
			require.NotEmpty(t, m.ExternalID)
			require.Len(t, m.Memberships, 1)
			requireCanonical(t, m.Raw)
		}
	})
}

func FuzzDecodeIDs(f *testing.F) {
	seed(f, ids1, ids2)
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := decodeIDs(body, "c-2", false)
		if err != nil {
			require.Equal(t, provider.Malformed, provider.KindOf(err))
		}
		require.NotContains(t, []string{"ids:c-2", "empty:c-2"}, page.Next)
		require.True(t, err != nil || page.Next != "" || len(page.Members)+len(page.Bad) > 0)
		for _, m := range page.Members {
			require.NotEmpty(t, m.ExternalID)
			require.True(t, isID(m.Memberships[0].DepartmentID))
		}
	})
}

func FuzzDecodeGrant(f *testing.F) {
	seed(f, agentRange, `{"agentid":1,"allow_userinfos":{"user":[{"userid":1}]},"allow_partys":{"partyid":["1"]}}`)
	f.Fuzz(func(t *testing.T, body []byte) {
		g, err := decodeGrant(body)
		if err != nil {
			require.Equal(t, provider.Malformed, provider.KindOf(err))
		}
		require.NotContains(t, g.members, "")
		require.NotContains(t, g.departments, "")
	})
}

// requireCanonical: canonical form is an object and stays as it is when made again.
func requireCanonical(t *testing.T, raw json.RawMessage) {
	t.Helper()
	require.Equal(t, string(parsed(string(raw)).Canonical(nil, nil)), string(raw))
}
