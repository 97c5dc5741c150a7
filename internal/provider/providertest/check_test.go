package providertest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// expectedRange is what Check has to report of the range.
func (w *world) expectedRange() provider.VisibleRange {
	if w.seesWhole() {
		return provider.VisibleRange{Full: true}
	}
	var r provider.VisibleRange
	for _, d := range w.visible.Departments {
		r.Departments = append(r.Departments, w.company.DepartmentID(w.kind, d))
	}
	for _, p := range w.visible.People {
		r.Members = append(r.Members, w.memberID(p))
	}
	slices.Sort(r.Departments)
	slices.Sort(r.Members)
	return r
}

// memberID is how a range names a person: Feishu by open_id.
func (w *world) memberID(p simulator.PersonID) (id string) {
	if w.kind == directory.Feishu {
		return w.openID(p)
	}
	w.company.View(func(v *simulator.View) {
		who, _ := v.Person(p)
		id = w.company.UserID(w.kind, who)
	})
	return id
}

// complaints are the findings that did not pass, each one fit to be shown.
func (w *world) complaints(r *provider.Report) (found []provider.Finding) {
	w.t.Helper()
	for _, f := range r.Findings {
		require.NotEmpty(w.t, f.Check.String())
		w.requireDiscreet(f.Check.String(), f.Detail.String(), f.Action.String())
		if f.Level != provider.Pass {
			require.NotEmpty(w.t, f.Detail.String(), f.Check.String())
			found = append(found, f)
		}
	}
	return found
}

func TestCheckFindsNothingWrongWithAnAppThatSeesAll(t *testing.T) {
	t.Parallel()
	for vendor, setup := range everyVendor(quiet) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 80)), setup())
			report, err := w.client.Check(t.Context())
			require.NoError(t, err)
			require.True(t, report.OK())
			require.Equal(t, provider.VisibleRange{Full: true}, report.Range)
			complaints := w.complaints(report)
			if vendor == "wecom sync" { // knows no names, and says so
				require.Len(t, complaints, 1)
				require.Empty(t, report.Company)
				return
			}
			if vendor != "wecom new app" {
				require.Empty(t, complaints)
			}
			require.Equal(t, "Acme", report.Company)
		})
	}
}

// missing is a permission that Check has to miss, and the words for it.
type missing struct {
	setup *setup
	level provider.Level
	says  string
	where string
}

func missingPermissions() map[string]missing {
	const feishuConsole, dingtalkConsole = "Permissions & Scopes", "Permission management"
	lacksScope := func(scope string) *setup {
		return onFeishu(feishu.Config{Options: quiet, Scopes: withoutScope(scope)})
	}
	lacksPoint := func(point string) *setup {
		return onDingTalk(dingtalk.Config{Options: quiet, Points: withoutPoint(point)})
	}
	nothing := &simulator.Range{}
	all := map[string]missing{
		"feishu no calls": {lacksScope("contact:contact.base:readonly"), provider.Fail,
			"contact:contact.base:readonly", feishuConsole},
		"dingtalk departments": {lacksPoint("qyapi_get_department_list"), provider.Fail,
			"qyapi_get_department_list", dingtalkConsole},
		"dingtalk people": {lacksPoint("qyapi_get_department_member"), provider.Fail,
			"qyapi_get_department_member", dingtalkConsole},
		"dingtalk one person": {lacksPoint("qyapi_get_member"), provider.Fail, "qyapi_get_member",
			dingtalkConsole},
		"dingtalk phones":  {lacksPoint(dingtalk.MobilePoint), provider.Warn, "phone", dingtalk.MobilePoint},
		"dingtalk e-mails": {lacksPoint(dingtalk.EmailPoint), provider.Warn, "e-mail", dingtalk.EmailPoint},
		"wecom phones": {onWeCom(wecom.Config{Options: quiet}, appOnly), provider.Warn, "mobile",
			"2022-06-20"},
		"wecom e-mails": {onWeCom(wecom.Config{Options: quiet}, appOnly), provider.Warn, "email",
			"2022-06-20"},
		"wecom names": {onWeCom(wecom.Config{Options: quiet}, syncOnly), provider.Warn, "names",
			"App Management"},
		"feishu nothing visible": {onFeishu(feishu.Config{Options: quiet, Range: nothing}), provider.Fail, "visible",
			"contact range"},
		"dingtalk nothing visible": {onDingTalk(dingtalk.Config{Options: quiet, Range: nothing}), provider.Fail,
			"visible range", "授权范围"},
		"wecom nothing visible": {onWeCom(wecom.Config{Options: quiet, Range: nothing}, appOnly), provider.Fail,
			"visible range", "Visible Range"},
		"wecom app sees a part": {
			onWeCom(wecom.Config{Options: quiet, Range: &simulator.Range{Departments: []simulator.Dept{2}}}, both),
			provider.Warn, "only the ids", "Visible Range"},
	}
	for scope := range feishuField {
		all["feishu "+scope] = missing{lacksScope(scope), provider.Warn, scope, feishuConsole}
	}
	swapped := onWeCom(wecom.Config{Options: quiet}, both)
	swapped.settings["secret"], swapped.settings["sync_secret"] = wecomSync, wecomApp
	all["wecom secrets swapped"] = missing{swapped, provider.Fail, "this is the contact sync secret",
		"set secret to an app's secret"}
	return all
}

func TestCheckSaysWhatIsMissingAndWhereToGrantIt(t *testing.T) {
	t.Parallel()
	for name, missing := range missingPermissions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 80)), missing.setup)
			report, err := w.client.Check(t.Context())
			var complaints []provider.Finding
			if err == nil {
				complaints = w.complaints(report)
				require.Equal(t, missing.level != provider.Fail, report.OK())
			} else { // nothing at all could be read
				e := w.fit(err)
				complaints = []provider.Finding{
					{Level: provider.Fail, Detail: provider.Detail(e.Error()), Action: e.Action}}
			}
			if report != nil {
				for _, f := range report.Findings {
					requireChinese(t, f)
				}
			}
			require.True(t, slices.ContainsFunc(complaints, func(f provider.Finding) bool {
				return f.Level == missing.level &&
					strings.Contains(f.Check.String()+" "+f.Detail.String(), missing.says) &&
					strings.Contains(f.Action.String(), missing.where)
			}), "%+v", complaints)
		})
	}
}

// englishWords are words of a sentence that was left in English.
var englishWords = regexp.MustCompile(`\b[a-z]+ [a-z]+ [a-z]+\b`)

// requireChinese requires that all of a finding can be said in Chinese.
func requireChinese(t *testing.T, f provider.Finding) {
	t.Helper()
	for _, text := range []message.Text{f.Check, f.Detail, f.Action} {
		said := text.In(message.Chinese)
		require.False(t, text.Code != "" && said == string(text.Code), said)
		require.NotRegexp(t, englishWords, said)
	}
	require.NotEmpty(t, f.Code())
}

func TestNothingVisibleIsNoEmptyCompany(t *testing.T) {
	t.Parallel()
	for name, missing := range missingPermissions() {
		if !strings.Contains(name, "nothing visible") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 80)), missing.setup)
			_, _, err := w.client.ListRoots(t.Context())
			require.Equal(t, provider.Forbidden, w.fit(err).Kind)
		})
	}
}

func TestRefusedCredentialsAndAddressesEndTheCheckAtOnce(t *testing.T) {
	t.Parallel()
	elsewhere := []string{"192.0.2.1"}
	wrong := func(s *setup, keys ...string) *setup {
		for _, key := range keys {
			s.settings[key] = "sim-wrong-value"
		}
		return s
	}
	for name, refused := range map[string]struct {
		setup *setup
		kind  provider.Kind
		says  string
	}{
		"feishu secret": {wrong(onFeishu(feishu.Config{Options: quiet}), "app_secret"), provider.Unauthenticated,
			"app_secret"},
		"feishu app": {wrong(onFeishu(feishu.Config{Options: quiet}), "app_id"), provider.Unauthenticated,
			"app_id"},
		"feishu address": {onFeishu(feishu.Config{Options: quiet, TrustedIPs: elsewhere}), provider.Forbidden,
			"IP allow-list"},
		"dingtalk secret": {wrong(onDingTalk(dingtalk.Config{Options: quiet}), "app_secret"),
			provider.Unauthenticated, "app_secret"},
		"dingtalk address": {onDingTalk(dingtalk.Config{Options: quiet, TrustedIPs: elsewhere}), provider.Forbidden,
			"127.0.0.1"},
		"wecom company": {wrong(onWeCom(wecom.Config{Options: quiet}, appOnly), "corp_id"), provider.Unauthenticated,
			"corp_id"},
		"wecom secret": {wrong(onWeCom(wecom.Config{Options: quiet}, appOnly), "secret"), provider.Unauthenticated,
			"app secret"},
		"wecom both": {wrong(onWeCom(wecom.Config{Options: quiet}, both), "secret", "sync_secret"),
			provider.Unauthenticated, "secret"},
		"wecom address": {onWeCom(wecom.Config{Options: quiet, TrustedIPs: elsewhere}, both), provider.Forbidden,
			"127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 80)), refused.setup)
			_, err := w.client.Check(t.Context())
			e := w.fit(err)
			require.Equal(t, refused.kind, e.Kind)
			require.True(t, e.Kind.EndsRun())
			require.Contains(t, err.Error(), refused.says)
			require.NotContains(t, err.Error(), "sim-wrong-value")
			credentials := 1
			if name == "wecom both" || name == "wecom address" {
				credentials = 2
			}
			require.Equal(t, credentials, w.tokensFetched(),
				"a wrong secret is tried once: WeCom blocks the address otherwise (wecom.md §1.2)")

			_, _, err = w.client.ListRoots(t.Context())
			require.Equal(t, refused.kind, w.fit(err).Kind, "a walk fails alike")
		})
	}
}

func TestUnderEveryFaultCheckReportsOrFailsInWords(t *testing.T) {
	t.Parallel()
	for _, scene := range scenes() {
		fair := open(t, troubled(scene.open().vendor.Type), scene.open())
		_, err := fair.client.Check(t.Context())
		require.NoError(t, err)
		for _, endpoint := range slices.Sorted(maps.Keys(fair.service.Calls.All())) {
			for fault, action := range faults {
				struck(t, scene.name+"/"+endpoint+"/"+fault, func(t *testing.T) {
					w := open(t, troubled(fair.kind), scene.open())
					w.service.Faults.Add(simulator.Fault{Endpoint: endpoint, Times: simulator.Forever, Action: action})
					report, err := w.client.Check(t.Context())
					w.requireDiscreet(w.log.String())
					if err != nil {
						w.fit(err)
						return
					}
					complaints := w.complaints(report)
					// An app of the company's own may not list administrators anyway.
					if action.Kind == simulator.Forbidden && endpoint != "tenant/query" &&
						endpoint != "agent/get_admin_list" {
						require.NotEmpty(t, complaints, "a call that is forbidden goes unnoticed")
					}
				})
			}
		}
	}
}
