package dingtalk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

const (
	noPermission = `{"errcode":88,"sub_code":"60011","sub_msg":"{requiredScopes=[qyapi_x]}","request_id":"16aa"}`
	richUser     = `{"userid":"u1","name":"x","mobile":"","state_code":"86","email":"","leader":false}`
	poorUser     = `{"userid":"u1","name":"x","leader":false}`
)

// company answers like a small company that grants everything.
func company(user string) map[string]func(call) reply {
	return map[string]func(call) reply{
		"/auth/scopes":              always(`{"errcode":0,"auth_org_scopes":{"authed_user":[],"authed_dept":[1]}}`),
		"/topapi/v2/department/get": always(rootAnswer),
		"/topapi/v2/department/listsub": byBody(map[string]string{
			`{"dept_id":1}`: `{"errcode":0,"result":[{"dept_id":42,"name":"R&D","parent_id":1}]}`}),
		"/topapi/v2/user/list": byBody(map[string]string{
			`{"dept_id":1,"cursor":0,"size":100,"contain_access_limit":false}`:  `{"errcode":0,"result":{"has_more":false,"list":[]}}`,
			`{"dept_id":42,"cursor":0,"size":100,"contain_access_limit":false}`: `{"errcode":0,"result":{"has_more":false,"list":[{"name":"no id"},` + user + `]}}`}),
		"/topapi/v2/user/get": byBody(map[string]string{`{"userid":"u1"}`: `{"errcode":0,"result":` + user + `}`}),
		"/topapi/user/listid": always(`{"errcode":0,"result":{"userid_list":[]}}`),
		rolesPath: always(
			`{"errcode":0,"result":{"hasMore":false,"list":[{"groupId":1,"roles":[{"id":5}]}]}}`),
		adminsPath: always(`{"errcode":0,"result":[{"userid":"u1","sys_level":1}]}`),
	}
}

func with(handlers map[string]func(call) reply, path string, h func(call) reply) map[string]func(call) reply {
	handlers[path] = h
	return handlers
}

func levels(r *provider.Report) map[string]provider.Level {
	got := map[string]provider.Level{}
	for _, f := range r.Findings {
		got[f.Check.String()] = f.Level
	}
	return got
}

func TestCheckAllInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t, company(richUser))
	r, err := f.Check(t.Context())
	require.NoError(t, err)
	require.True(t, r.OK())
	require.Equal(t, "示例公司", r.Company)
	require.Equal(t, provider.VisibleRange{Full: true}, r.Range)
	for _, finding := range r.Findings {
		require.Equal(t, provider.Pass, finding.Level, "%+v", finding)
	}
	require.Len(t, r.Findings, 9)
}

func TestCheckFindings(t *testing.T) {
	t.Parallel()
	const (
		limited   = `{"errcode":0,"auth_org_scopes":{"authed_user":["u1"],"authed_dept":[42]}}`
		onlyOne   = `{"errcode":0,"auth_org_scopes":{"authed_user":["u1"],"authed_dept":[]}}`
		emptyList = `{"errcode":0,"result":{"has_more":false,"list":[]}}`
	)
	tests := map[string]struct {
		handlers map[string]func(call) reply
		want     map[string]provider.Level
		says     string
	}{
		"field permissions missing": {company(poorUser), map[string]provider.Level{
			"phone numbers": provider.Warn, "e-mail addresses": provider.Warn, "read members": provider.Pass}, "员工手机号"},
		"departments refused": {with(company(richUser), "/topapi/v2/department/listsub", always(noPermission)),
			map[string]provider.Level{
				"read departments": provider.Fail}, "qyapi_get_department_list"},
		"members refused": {with(company(richUser), "/topapi/v2/user/list", always(noPermission)),
			map[string]provider.Level{
				"read members": provider.Fail, "read departments": provider.Pass}, "qyapi_get_department_member"},
		"lookup refused": {with(company(richUser), "/topapi/v2/user/get", always(noPermission)),
			map[string]provider.Level{
				"look up single members": provider.Fail, "read members": provider.Pass}, "qyapi_get_member"},
		"roles refused": {with(company(richUser), rolesPath, always(noPermission)), map[string]provider.Level{
			"roles": provider.Warn, "administrators": provider.Pass, "read members": provider.Pass},
			"roles are not read: DingTalk 60011: the app lacks a permission: qyapi_x"},
		"administrators busy": {with(company(richUser), adminsPath, always(`{"errcode":-1,"errmsg":"x"}`)),
			map[string]provider.Level{
				"roles": provider.Pass, "administrators": provider.Warn},
			"administrators are not read: DingTalk -1: DingTalk is busy"},
		"nobody found": {with(company(richUser), "/topapi/v2/user/list", always(emptyList)), map[string]provider.Level{
			"read members": provider.Warn, "look up single members": provider.Pass,
			"field permissions": provider.Warn}, "qyapi_get_department_member"},
		"nobody found, lookup refused": {with(with(company(richUser), "/topapi/v2/user/list", always(emptyList)),
			"/topapi/user/listid", always(noPermission)),
			map[string]provider.Level{"look up single members": provider.Fail}, "qyapi_get_member"},
		"department deleted meanwhile": {with(company(richUser), "/topapi/v2/user/list",
			always(`{"errcode":60003,"errmsg":"x"}`)), map[string]provider.Level{
			"read members": provider.Warn}, ""},
		"range contradicts itself": {with(company(richUser), "/topapi/v2/user/list",
			always(`{"errcode":50004,"errmsg":"x"}`)), map[string]provider.Level{
			"read members": provider.Fail}, "可使用范围"},
		"range empty": {with(company(richUser), "/auth/scopes",
			always(`{"errcode":0,"auth_org_scopes":{"authed_user":[],"authed_dept":[]}}`)),
			map[string]provider.Level{"visible range": provider.Fail}, "授权范围"},
		"range limited": {
			with(with(with(company(richUser), "/auth/scopes", always(limited)), "/topapi/v2/department/get",
				always(`{"errcode":0,"result":{"dept_id":42,"name":"R&D","parent_id":1}}`)),
				"/topapi/v2/department/listsub", always(`{"errcode":0,"result":[]}`)),
			map[string]provider.Level{"visible range": provider.Warn, "read departments": provider.Pass,
				"read members": provider.Pass, "phone numbers": provider.Pass},
			"1 departments with all below them and 1 people; no one else is read"},
		"only people": {with(company(richUser), "/auth/scopes", always(onlyOne)),
			map[string]provider.Level{"visible range": provider.Warn, "look up single members": provider.Pass,
				"phone numbers": provider.Pass}, ""},
		"only people, lookup refused": {with(with(company(richUser), "/auth/scopes", always(onlyOne)),
			"/topapi/v2/user/get", always(noPermission)),
			map[string]provider.Level{"look up single members": provider.Fail, "field permissions": provider.Warn}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, tt.handlers)
			r, err := f.Check(t.Context())
			require.NoError(t, err)
			got := levels(r)
			var said string
			for _, finding := range r.Findings {
				said += finding.Detail.String() + "\n" + finding.Action.String() + "\n"
				if finding.Level == provider.Fail {
					require.NotEmpty(t, finding.Action.String())
					require.False(t, r.OK())
				}
			}
			for check, level := range tt.want {
				require.Equal(t, level, got[check], check)
			}
			require.Contains(t, said, tt.says)
			require.NotContains(t, said, firstToken)
			require.NotContains(t, said, testSecret)
		})
	}
}

func TestCheckReportsTheRange(t *testing.T) {
	t.Parallel()
	f := newFixture(t, with(company(richUser), "/auth/scopes", always(limitedScopes)))
	f.server.handlers["/topapi/v2/department/get"] = always(noPermission)
	f.server.handlers["/topapi/v2/user/get"] = always(noPermission)
	r, err := f.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, provider.VisibleRange{Departments: []string{"901000101", "901000202"},
		Members: []string{"007", "u2"}}, r.Range)
	require.Empty(t, r.Company)
}

func TestCheckFails(t *testing.T) {
	t.Parallel()
	untrusted := always(`{"errcode":88,"sub_code":"60020","sub_msg":"request ip=203.0.113.9"}`)
	busy := always(`{"errcode":-1,"errmsg":"x"}`)
	tests := map[string]struct {
		handlers map[string]func(call) reply
		want     provider.Kind
	}{
		"credentials": {with(company(richUser), tokenPath,
			always(`{"code":"invalidClientIdOrSecret","message":"x"}`)), provider.Unauthenticated},
		"scopes refused":   {with(company(richUser), "/auth/scopes", always(noPermission)), provider.Forbidden},
		"address, late":    {with(company(richUser), "/topapi/v2/department/get", untrusted), provider.Forbidden},
		"departments busy": {with(company(richUser), "/topapi/v2/department/get", busy), provider.Unavailable},
		"members busy":     {with(company(richUser), "/topapi/v2/user/list", busy), provider.Unavailable},
		"lookup busy":      {with(company(richUser), "/topapi/v2/user/get", busy), provider.Unavailable},
		"departments absent": {with(company(richUser), "/topapi/v2/department/listsub", always(`{"errcode":0}`)),
			provider.Malformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newFixture(t, tt.handlers).Check(t.Context())
			requireError(t, err, tt.want)
		})
	}
}
