package providertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/provider"
)

// companies are shapes that no client was made around.
func companies() map[string]simulator.Spec {
	deep := simulator.TypicalSpec(11, 120)
	deep.Departments, deep.MaxDepth = 60, 14
	odd := simulator.TypicalSpec(7, 150)
	odd.Names = simulator.Names{Han: 1, Arabic: 1, Emoji: 1, Long: 1, Odd: 3}
	odd.SlashedNames, odd.Namesakes, odd.SeveralDepartments, odd.Inactive = true, 0.3, 0.5, 0.2
	wide := simulator.TypicalSpec(9, 240) // pages that are full to the last record
	wide.Departments, wide.MaxDepth, wide.RootMembers = 101, 1, 200
	return map[string]simulator.Spec{
		"typical": simulator.TypicalSpec(3, 260), "deep": deep, "odd": odd, "wide": wide,
		"one": {Seed: 5, Departments: 1, Members: 1, RootMembers: 1},
	}
}

// quiet are services without call limits, which have tests of their own.
var quiet = simulator.Options{NoQuotas: true}

// everyVendor is each vendor with an app that sees all, and WeCom's modes.
func everyVendor(o simulator.Options) map[string]func() *setup {
	return map[string]func() *setup{
		"feishu":         func() *setup { return onFeishu(feishu.Config{Options: o}) },
		"dingtalk":       func() *setup { return onDingTalk(dingtalk.Config{Options: o}) },
		"wecom":          func() *setup { return onWeCom(wecom.Config{Options: o, OldApp: true}, appOnly) },
		"wecom new app":  func() *setup { return onWeCom(wecom.Config{Options: o}, appOnly) },
		"wecom sync":     func() *setup { return onWeCom(wecom.Config{Options: o}, syncOnly) },
		"wecom app+sync": func() *setup { return onWeCom(wecom.Config{Options: o, OldApp: true}, both) },
	}
}

func TestAWalkBringsTheCompany(t *testing.T) {
	t.Parallel()
	for name, spec := range companies() {
		for vendor, setup := range everyVendor(quiet) {
			t.Run(name+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				w := open(t, simulator.Generate(spec), setup())
				w.requireTruth(walk(t.Context(), w.kind, w.client))
			})
		}
	}
}

func TestAWalkBringsAChangedCompany(t *testing.T) {
	t.Parallel()
	for vendor, setup := range everyVendor(quiet) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(21, 150)), setup())
			for seed := range uint64(4) {
				w.company.Drift(seed, 0.2)
				w.requireTruth(walk(t.Context(), w.kind, w.client))
			}
		})
	}
}

// knobs are all ways in which a service may behave that the references leave open.
func knobs() map[string]func() *setup {
	return map[string]func() *setup{
		"feishu/empty last token": func() *setup {
			return onFeishu(feishu.Config{Options: quiet, EmptyLastToken: true})
		},
		"feishu/items left out": func() *setup { return onFeishu(feishu.Config{Options: quiet, OmitEmptyItems: true}) },
		"feishu/both": func() *setup {
			return onFeishu(feishu.Config{Options: quiet, EmptyLastToken: true, OmitEmptyItems: true})
		},
		"feishu/tree too large": func() *setup { return onFeishu(feishu.Config{Options: quiet, MaxTree: 10}) },
		"feishu/no tree at all": func() *setup { return onFeishu(feishu.Config{Options: quiet, MaxTree: 1}) },
		"feishu/no tenant query": func() *setup {
			return onFeishu(feishu.Config{Options: quiet, Scopes: withoutScope("tenant:tenant:readonly")})
		},
		"feishu/broad permission": func() *setup {
			return onFeishu(feishu.Config{Options: quiet, Scopes: []string{broad, "contact:contact.base:readonly"}})
		},
		"dingtalk/home school": func() *setup { return onDingTalk(dingtalk.Config{Options: quiet, HomeSchool: true}) },
		"dingtalk/omit unset":  func() *setup { return onDingTalk(dingtalk.Config{Options: quiet, OmitUnset: true}) },
		"wecom/gender zero": func() *setup {
			return onWeCom(wecom.Config{Options: quiet, GenderZero: true}, appOnly)
		},
		"wecom/old sync address": func() *setup {
			return onWeCom(wecom.Config{Options: quiet, OldSyncIP: true}, syncOnly)
		},
		"wecom/empty last cursor": func() *setup {
			return onWeCom(wecom.Config{Options: quiet, EmptyLastCursor: true}, both)
		},
		"wecom/fetch_child honoured": func() *setup {
			return onWeCom(wecom.Config{Options: quiet, HonourFetchChild: true}, appOnly)
		},
		"wecom/fresh tokens": func() *setup { return onWeCom(wecom.Config{Options: quiet, FreshTokens: true}, both) },
		"wecom/large departments one by one": func() *setup {
			return onWeCom(wecom.Config{Options: quiet, OldApp: true, MaxUserList: 5}, appOnly)
		},
		"wecom/large departments beside ids": func() *setup {
			return onWeCom(wecom.Config{Options: quiet, OldApp: true, MaxUserList: 5}, both)
		},
	}
}

func TestWhateverTheServiceIsLikeAWalkBringsTheCompany(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(17, 180)
	spec.Departments, spec.RootMembers = 40, 25
	for name, setup := range knobs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(spec), setup())
			w.requireTruth(walk(t.Context(), w.kind, w.client))
		})
	}
}

func TestAMissingFieldPermissionHidesItsFieldsOnly(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(19, 150)
	spec.Departments = 30
	setups := map[string]*setup{}
	for _, scope := range feishu.AllScopes {
		if scope != "contact:contact.base:readonly" { // that one is a call's, not a field's
			setups[scope] = onFeishu(feishu.Config{Options: quiet, Scopes: withoutScope(scope)})
		}
	}
	for _, point := range []string{dingtalk.MobilePoint, dingtalk.EmailPoint, "qyapi_get_member"} {
		setups[point] = onDingTalk(dingtalk.Config{Options: quiet, Points: withoutPoint(point)})
	}
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(spec), setup)
			w.requireTruth(walk(t.Context(), w.kind, w.client))
		})
	}
}

// ranges are ways of granting a part of a company.
func ranges(c *simulator.Company) map[string]*simulator.Range {
	var top, below, other simulator.Dept
	var outside, inside []simulator.PersonID
	c.View(func(v *simulator.View) {
		for _, d := range v.Children(simulator.Root) {
			if list := v.Below(d); top == 0 && len(list) > 2 {
				top, below = d, list[0]
			} else if other == 0 || len(v.Members(d)) > len(v.Members(other)) {
				other = d
			}
		}
		whole := &simulator.Range{Departments: []simulator.Dept{top, other}}
		for p := range v.People() {
			switch {
			case !v.CoversPerson(whole, p) && len(outside) < 45:
				outside = append(outside, p.ID)
			case v.CoversPerson(whole, p) && len(inside) < 3:
				inside = append(inside, p.ID)
			}
		}
	})
	return map[string]*simulator.Range{
		"one department":          {Departments: []simulator.Dept{top}},
		"two departments":         {Departments: []simulator.Dept{other, top}},
		"a grant below another":   {Departments: []simulator.Dept{below, top}},
		"departments and people":  {Departments: []simulator.Dept{top, other}, People: outside},
		"people who are in sight": {Departments: []simulator.Dept{top, other}, People: inside},
		"people only":             {People: outside},
	}
}

func TestALimitedRangeBringsWhatIsInIt(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(23, 220)
	spec.Departments, spec.RootMembers, spec.SeveralDepartments = 40, 10, 0.3
	for name, visible := range ranges(simulator.Generate(spec)) {
		setups := map[string]*setup{
			"feishu":   onFeishu(feishu.Config{Options: quiet, Range: visible}),
			"dingtalk": onDingTalk(dingtalk.Config{Options: quiet, Range: visible}),
			"wecom":    onWeCom(wecom.Config{Options: quiet, OldApp: true, Range: visible}, appOnly),
			"wecom one by one": onWeCom(wecom.Config{Options: quiet, OldApp: true, Range: visible, MaxUserList: 3},
				appOnly),
		}
		for vendor, setup := range setups {
			t.Run(name+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				w := open(t, simulator.Generate(spec), setup)
				w.requireTruth(walk(t.Context(), w.kind, w.client))
				report, err := w.client.Check(t.Context())
				require.NoError(t, err)
				require.True(t, report.OK(), report.Findings)
				require.Equal(t, w.expectedRange(), report.Range)
			})
		}
	}
}

// A range of Feishu's that does not speak of single people, for want of a permission, is
// not one without them: the listing says what is missing, and the departments are read.
func TestARangeThatWithholdsPeopleSaysSo(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(23, 220)
	spec.Departments, spec.RootMembers = 40, 10
	for name, visible := range ranges(simulator.Generate(spec)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(spec),
				onFeishu(feishu.Config{Options: quiet, Range: visible,
					Scopes: withoutScope("contact:user.employee_id:readonly")}))
			r := walk(t.Context(), w.kind, w.client)
			require.Len(t, r.errs, 1)
			require.ErrorContains(t, r.errs[0], "contact:user.employee_id:readonly")
			for id := range r.people {
				require.NotEmpty(t, r.people[id].places)
			}
			report, err := w.client.Check(t.Context())
			require.NoError(t, err)
			require.Equal(t, len(visible.Departments) > 0, report.OK())
			require.True(t, report.Range.MembersUnknown)
			require.True(t, slices.ContainsFunc(w.complaints(report), func(f provider.Finding) bool {
				return strings.Contains(f.Detail.String(), "one by one") &&
					strings.Contains(f.Detail.String(), "contact:user.employee_id:readonly") &&
					strings.Contains(f.Action.String(), "Permissions & Scopes")
			}))
		})
	}
}
