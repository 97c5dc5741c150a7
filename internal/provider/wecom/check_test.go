package wecom

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

const (
	fullMember  = `{"errcode":0,"userlist":[{"userid":"ada","name":"Ada Wu","department":[1],"mobile":"","email":"","avatar":"","gender":"1","main_department":1,"status":1}]}`
	newAppsView = `{"errcode":0,"userlist":[{"userid":"ada","name":"Ada Wu","department":[1],"mobile":null,"gender":"0","main_department":1,"status":1}]}`
)

// levels shows a report's findings that did not pass.
func levels(r *provider.Report) map[string]provider.Level {
	bad := map[string]provider.Level{}
	for _, f := range r.Findings {
		if f.Level != provider.Pass {
			bad[f.Check.String()] = f.Level
		}
	}
	return bad
}

func TestCheck(t *testing.T) {
	t.Parallel()
	readable := func(answers map[string]string) map[string]string {
		for endpoint, body := range map[string]string{"tag/list": tags, "agent/get_admin_list": admins} {
			if _, set := answers[endpoint]; !set {
				answers[endpoint] = body
			}
		}
		return answers
	}
	const forbidden, noOne = `{"errcode":48009,"errmsg":"private words"}`, `{"errcode":0,"userlist":[]}`
	type want = map[string]provider.Level
	for name, test := range map[string]struct {
		settings provider.Settings
		answers  map[string]string
		company  string
		seen     provider.VisibleRange
		findings want
	}{
		"app sees everything": {appAgent, map[string]string{"department/list": companyList, "user/list": fullMember,
			"agent/get": agentRange},
			"Acme", provider.VisibleRange{Full: true}, want{}},
		"app of today": {appOnly, map[string]string{"department/list": companyList, "user/list": newAppsView},
			"Acme", provider.VisibleRange{Full: true},
			want{"app secret: field mobile": provider.Warn, "app secret: field email": provider.Warn,
				"app secret: field avatar": provider.Warn, "app secret: field gender": provider.Warn}},
		"tags are forbidden": {bothKeys, map[string]string{"department/list": companyList, "user/list": fullMember,
			"department/simplelist": companySimpleList, "user/list_id": ids1, "tag/list": `{"errcode":48009}`},
			"Acme", provider.VisibleRange{Full: true}, want{"tags": provider.Warn}},
		"administrators are not for own apps": {appOnly,
			map[string]string{"department/list": companyList, "user/list": fullMember,
				"agent/get_admin_list": `{"errcode":48002}`},
			"Acme", provider.VisibleRange{Full: true}, want{}},
		"administrators cannot be read": {appOnly,
			map[string]string{"department/list": companyList, "user/list": fullMember,
				"agent/get_admin_list": `{"errcode":-1}`},
			"Acme", provider.VisibleRange{Full: true}, want{"administrators": provider.Warn}},
		"nobody to look at": {appOnly, map[string]string{"department/list": companyList, "user/list": noOne},
			"Acme", provider.VisibleRange{Full: true}, want{"app secret: members": provider.Warn}},
		"too many to look at": {appOnly, map[string]string{"department/list": companyList,
			"user/list": `{"errcode":45029}`},
			"Acme", provider.VisibleRange{Full: true}, want{"app secret: members": provider.Warn}},
		"a member's record is odd": {appOnly,
			map[string]string{"department/list": companyList, "user/list": `{"errcode":0,"userlist":["Ada"]}`},
			"Acme", provider.VisibleRange{Full: true}, want{"app secret: fields": provider.Warn}},
		"departments without names": {appOnly,
			map[string]string{"department/list": `{"errcode":0,"department":[{"id":1,"parentid":0}]}`,
				"user/list": fullMember},
			"", provider.VisibleRange{Full: true}, want{"app secret: department names": provider.Warn}},
		"members are forbidden": {appOnly, map[string]string{"department/list": companyList,
			"user/list": `{"errcode":48002}`},
			"Acme", provider.VisibleRange{Full: true}, want{"app secret: members": provider.Fail}},
		"limited range": {appAgent, map[string]string{"department/list": limitedList, "user/list": fullMember,
			"agent/get": agentRange},
			"", provider.VisibleRange{Departments: []string{"12"}, Members: []string{"ada", "zoe"}},
			want{"app secret: visible range": provider.Warn}},
		"limited range without agent_id": {appOnly,
			map[string]string{"department/list": limitedList, "user/list": fullMember},
			"", provider.VisibleRange{Departments: []string{"12"}},
			want{"app secret: visible range": provider.Warn, "app secret: agent_id": provider.Warn}},
		"limited range by tags too": {appAgent,
			map[string]string{"department/list": limitedList, "user/list": fullMember,
				"agent/get": `{"errcode":0,"agentid":1000002,"close":1,"allow_partys":{"partyid":[13,8]},"allow_tags":{"tagid":[1]}}`},
			"", provider.VisibleRange{Departments: []string{"12", "13", "8"}},
			want{"app secret: visible range": provider.Warn, "app secret: tags": provider.Warn,
				"app secret: app": provider.Warn}},
		"limited range and a wrong agent_id": {appAgent,
			map[string]string{"department/list": limitedList, "user/list": fullMember,
				"agent/get": `{"errcode":301002}`},
			"", provider.VisibleRange{Departments: []string{"12"}},
			want{"app secret: visible range": provider.Warn, "app secret: agent_id": provider.Fail}},
		"everything and a wrong agent_id": {appAgent,
			map[string]string{"department/list": companyList, "user/list": fullMember,
				"agent/get": `{"errcode":40056}`},
			"Acme", provider.VisibleRange{Full: true}, want{"app secret: agent_id": provider.Warn}},
		"nothing visible": {appOnly, map[string]string{"department/list": `{"errcode":0,"department":[]}`},
			"", provider.VisibleRange{}, want{"app secret: visible range": provider.Fail,
				"app secret: agent_id": provider.Warn, "app secret: members": provider.Warn}},
		"sync alone": {syncOnly, map[string]string{"department/simplelist": companySimpleList, "user/list_id": ids1},
			"", provider.VisibleRange{Full: true}, want{"contact sync secret: names": provider.Warn}},
		"both": {bothKeys, map[string]string{"department/list": companyList, "user/list": fullMember,
			"department/simplelist": companySimpleList, "user/list_id": ids1},
			"Acme", provider.VisibleRange{Full: true}, want{}},
		"both, app limited": {bothKeys, map[string]string{"department/list": limitedList, "user/list": fullMember,
			"department/simplelist": companySimpleList, "user/list_id": ids1},
			"", provider.VisibleRange{Full: true}, want{"app secret: visible range": provider.Warn}},
		"both, the same secret twice": {bothKeys,
			map[string]string{"department/list": forbidden, "department/simplelist": companySimpleList,
				"user/list_id": ids1},
			"", provider.VisibleRange{Full: true}, want{"app secret": provider.Fail}},
		"both, an app's secret twice": {bothKeys,
			map[string]string{"department/list": companyList, "user/list": fullMember,
				"department/simplelist": companySimpleList, "user/list_id": `{"errcode":48002}`},
			"Acme", provider.VisibleRange{Full: true}, want{"contact sync secret": provider.Fail}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := newAPI(t, readable(test.answers)).open(t, test.settings).Check(t.Context())
			require.NoError(t, err)
			require.Equal(t, test.company, report.Company)
			require.Equal(t, test.seen, report.Range)
			require.Equal(t, test.findings, levels(report))
			for _, f := range report.Findings {
				requireClean(t, f.Check.String()+f.Detail.String()+f.Action.String())
				require.NotEmpty(t, f.Detail.String(), f.Check.String())
				if f.Level == provider.Fail {
					require.NotEmpty(t, f.Action.String(), f.Check.String())
					require.False(t, report.OK())
				}
			}
		})
	}
}

func TestCheckFailsWhereNothingCanBeTold(t *testing.T) {
	t.Parallel()
	const untrusted = `{"errcode":60020,"errmsg":"not allow to access from your ip, from ip: 192.0.2.10"}`
	for name, test := range map[string]struct {
		settings provider.Settings
		answers  map[string]string
		kind     provider.Kind
	}{
		"a token proves no trust": {appOnly, map[string]string{"department/list": untrusted}, provider.Forbidden},
		"neither secret is trusted": {bothKeys,
			map[string]string{"department/list": untrusted, "department/simplelist": untrusted}, provider.Forbidden},
		"wrong secret": {appOnly, map[string]string{"gettoken": `{"errcode":40001,"errmsg":"x"}`},
			provider.Unauthenticated},
		"wrong sync secret": {syncOnly, map[string]string{"gettoken": `{"errcode":40001,"errmsg":"x"}`},
			provider.Unauthenticated},
		"busy": {bothKeys,
			map[string]string{"department/list": `{"errcode":-1}`, "department/simplelist": companySimpleList,
				"user/list_id": ids1}, provider.Unavailable},
		"busy at the range": {appAgent,
			map[string]string{"department/list": companyList, "agent/get": `{"errcode":-1}`}, provider.Unavailable},
		"busy at the members": {appOnly,
			map[string]string{"department/list": companyList, "user/list": `{"errcode":-1}`}, provider.Unavailable},
		"members are no list": {appOnly,
			map[string]string{"department/list": companyList, "user/list": `{"errcode":0}`}, provider.Malformed},
		"no departments by ids": {syncOnly,
			map[string]string{"department/simplelist": `{"errcode":0,"department_id":[]}`}, provider.Malformed},
		"ids are forbidden": {syncOnly,
			map[string]string{"department/simplelist": companySimpleList, "user/list_id": `{"errcode":48002}`},
			provider.Forbidden},
		"ids are of another form": {syncOnly,
			map[string]string{"department/simplelist": companySimpleList, "user/list_id": `{"errcode":0}`},
			provider.Malformed},
		"the path leads somewhere else": {appOnly, nil, provider.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newAPI(t, test.answers).open(t, test.settings).Check(t.Context())
			requireError(t, err, test.kind)
		})
	}
}
