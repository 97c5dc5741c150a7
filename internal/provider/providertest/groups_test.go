package providertest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// groupReading is what reading all groups and administrators brought, in members' external
// ids, and what ended listings or was put aside.
type groupReading struct {
	reading
	groups         map[string]simulator.TrueGroup
	administrators map[string]directory.AdministratorLevel
	truncated      bool
}

// readGroups reads every listing of groups and administrators that the client offers.
func (w *world) readGroups(ctx context.Context) *groupReading {
	r := &groupReading{
		reading: reading{kind: w.kind}, groups: map[string]simulator.TrueGroup{},
		administrators: map[string]directory.AdministratorLevel{},
	}
	reader := w.client.(provider.GroupReader)
	methods := map[string]provider.ListMethod{}
	r.pages(pending{department: "groups"}, func(cursor string) (string, error) {
		page, err := reader.ListGroups(ctx, cursor)
		for _, g := range page.Groups {
			methods[g.ExternalID] = g.MembersMethod
			made := simulator.TrueGroup{Attributes: g.Attributes}
			if g.Name != nil {
				made.Name = *g.Name
			}
			if g.Category != nil {
				made.Category = *g.Category
			}
			r.groups[g.ExternalID] = made
			require.Equal(w.t, map[directory.ProviderType]directory.GroupKind{
				directory.DingTalk: directory.Role, directory.Feishu: directory.UserGroup,
				directory.WeCom: directory.Tag,
			}[w.kind], g.Kind)
		}
		r.bad = append(r.bad, page.Bad...)
		return page.Next, err
	})
	for _, id := range slices.Sorted(maps.Keys(methods)) {
		r.pages(pending{department: "group " + id}, func(cursor string) (string, error) {
			page, err := reader.ListGroupMembers(ctx,
				provider.GroupQuery{Group: id, Method: methods[id], Cursor: cursor})
			r.groups[id] = w.joined(r.groups[id], page)
			r.bad = append(r.bad, page.Bad...)
			return page.Next, err
		})
	}
	if reader, ok := w.client.(provider.AdministratorReader); ok {
		r.pages(pending{department: "administrators"}, func(cursor string) (string, error) {
			page, err := reader.ListAdministrators(ctx, cursor)
			for _, a := range page.Administrators {
				r.administrators[w.referred(a.Member)] = a.Level
			}
			r.bad, r.truncated = append(r.bad, page.Bad...), r.truncated || page.Truncated
			return page.Next, err
		})
	}
	return r
}

// joined is a group with what a page says belongs to it, each once.
func (w *world) joined(g simulator.TrueGroup, page provider.GroupMemberPage) simulator.TrueGroup {
	for _, m := range page.Members {
		id := w.referred(m.Member)
		g.Members = append(g.Members, id)
		if len(m.Scope) > 0 {
			if g.Scopes == nil {
				g.Scopes = map[string][]string{}
			}
			g.Scopes[id] = m.Scope
		}
	}
	g.Departments = append(g.Departments, page.Departments...)
	slices.Sort(g.Members)
	slices.Sort(g.Departments)
	g.Members, g.Departments = slices.Compact(g.Members), slices.Compact(g.Departments)
	return g
}

// referred is the external id behind a reference, which is an open id at Feishu.
func (w *world) referred(ref string) (id string) {
	if w.kind != directory.Feishu {
		return ref
	}
	w.company.View(func(v *simulator.View) {
		for n := simulator.PersonID(len(w.byOpenID)) + 1; n <= v.LastPerson(); n++ {
			w.byOpenID[w.openID(n)] = n
		}
		if p, ok := v.Person(w.byOpenID[ref]); ok && !p.Left {
			id = w.company.UserID(w.kind, p)
		}
	})
	return id
}

// expectedGroups is what the company's truth lets the app see.
func (w *world) expectedGroups() (map[string]simulator.TrueGroup, map[string]directory.AdministratorLevel) {
	truth := w.company.Truth(w.kind)
	if w.kind == directory.Feishu { // super administrators are in no list
		maps.DeleteFunc(truth.Administrators,
			func(_ string, level directory.AdministratorLevel) bool { return level == directory.MainAdministrator })
	}
	return truth.Groups, truth.Administrators
}

// differences says where a reading is not the truth. A missing name or category is none if
// nameless is set.
func (w *world) groupDifferences(r *groupReading, nameless bool) string {
	groups, administrators := w.expectedGroups()
	if nameless {
		for id, g := range groups {
			if got, ok := r.groups[id]; ok && got.Name == "" {
				g.Name = ""
			}
			if got, ok := r.groups[id]; ok && got.Category == "" {
				g.Category = ""
			}
			groups[id] = g
		}
	}
	if _, ok := w.client.(provider.AdministratorReader); !ok {
		administrators = nil
	}
	return cmp.Diff(groups, r.groups, cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(simulator.TrueGroup{}, "Attributes")) +
		cmp.Diff(administrators, r.administrators, cmpopts.EquateEmpty())
}

// managed are the services whose administrators can be listed.
func managed(o simulator.Options) map[string]func() *setup {
	return map[string]func() *setup{
		"feishu": func() *setup { return onFeishu(feishu.Config{Options: o}) },
		"feishu, odd": func() *setup {
			return onFeishu(feishu.Config{Options: o, EmptyLastToken: true, OmitEmptyItems: true})
		},
		"dingtalk":       func() *setup { return onDingTalk(dingtalk.Config{Options: o}) },
		"wecom":          func() *setup { return onWeCom(wecom.Config{Options: o, Customised: true}, appOnly) },
		"wecom sync":     func() *setup { return onWeCom(wecom.Config{Options: o}, syncOnly) },
		"wecom app+sync": func() *setup { return onWeCom(wecom.Config{Options: o, Customised: true}, both) },
	}
}

// grouped are companies: more groups than a page, and more members in one.
func grouped() map[string]simulator.Spec {
	return map[string]simulator.Spec{
		"many":   {Seed: 3, Departments: 12, Members: 60, Groups: 205},
		"large":  {Seed: 4, Departments: 9, Members: 900, Groups: 6},
		"groups": {Seed: 5, Departments: 1, Members: 2, Groups: -1},
	}
}

func TestGroupsAndAdministratorsAreRead(t *testing.T) {
	t.Parallel()
	for name, spec := range grouped() {
		for vendor, setup := range managed(quiet) {
			t.Run(name+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				w := open(t, simulator.Generate(spec), setup())
				for round := range uint64(3) {
					r := w.readGroups(t.Context())
					require.Empty(t, r.errs)
					require.Empty(t, r.bad)
					require.False(t, r.truncated)
					require.Empty(t, w.groupDifferences(r, false))
					for id, g := range w.company.Truth(w.kind).Groups {
						for name, value := range g.Attributes {
							require.Equal(t, value, r.groups[id].Attributes[name])
						}
					}
					w.company.Drift(round, 0.1)
				}
				w.requireDiscreet(w.log.String())
			})
		}
	}
}

// A page's worth of a list is what it costs, and one answer for what has no pages.
func TestGroupsCostNoMoreCallsThanTheyMust(t *testing.T) {
	t.Parallel()
	for name, spec := range grouped() {
		for vendor, setup := range managed(quiet) {
			t.Run(name+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				w := open(t, simulator.Generate(spec), setup())
				w.readGroups(t.Context())
				users, departments, dynamic, groups := 0, 0, 0, w.company.Truth(w.kind).Groups
				for _, g := range groups {
					users += pagesOf(len(g.Members), 100)
					if g.Attributes[directory.GroupType] == "dynamic" {
						dynamic++
					} else {
						departments += pagesOf(len(g.Departments), 100)
					}
				}
				want := map[string]int{
					"group/simplelist":        pagesOf(len(groups)-dynamic, 100) + pagesOf(dynamic, 100),
					"group/member/simplelist": users + departments, "app_admin_user/list": 1, // feishu-more.md §C, §D
					// dingtalk.md §4
					"role/list": pagesOf(len(groups), 200), "role/simplelist": users, "user/listadmin": 1,
					"tag/list": 1, "tag/get": len(groups), "agent/get_admin_list": 1, // wecom-more.md §C, §D
				}
				for endpoint, n := range w.service.Calls.All() {
					if !slices.Contains(tokenCalls, endpoint) {
						require.Equal(t, want[endpoint], n, endpoint)
					}
				}
			})
		}
	}
}

func TestOfGroupsAnAppSeesWhatItsRangeShows(t *testing.T) {
	t.Parallel()
	part := &simulator.Range{Departments: []simulator.Dept{2, 4}, People: []simulator.PersonID{1},
		Groups: []simulator.GroupID{2, 3}}
	for vendor, setup := range map[string]func() *setup{
		"feishu":   func() *setup { return onFeishu(feishu.Config{Options: quiet, Range: part}) },
		"dingtalk": func() *setup { return onDingTalk(dingtalk.Config{Options: quiet, Range: part}) },
		"wecom": func() *setup {
			return onWeCom(wecom.Config{Options: quiet, Range: part, Customised: true},
				appOnly)
		},
	} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(8, 300)), setup())
			r := w.readGroups(t.Context())
			require.Empty(t, r.errs)
			want := w.company.Truth(w.kind).Groups
			w.company.View(func(v *simulator.View) {
				for id, g := range want {
					if w.kind == directory.Feishu { // whole groups
						number, _ := w.company.ParseGroupID(w.kind, id)
						if !v.CoversGroup(part, number) {
							delete(want, id)
						}
						continue
					}
					g.Members = slices.DeleteFunc(g.Members, func(member string) bool {
						p, _ := v.PersonByUserID(w.kind, member)
						return !v.CoversPerson(part, p)
					})
					g.Departments = slices.DeleteFunc(g.Departments, func(id string) bool {
						d, _ := w.company.ParseDepartmentID(w.kind, id)
						return !v.Covers(part, d)
					})
					maps.DeleteFunc(g.Scopes,
						func(member string, _ []string) bool { return !slices.Contains(g.Members, member) })
					want[id] = g
				}
			})
			require.Empty(t, cmp.Diff(want, r.groups, cmpopts.EquateEmpty(),
				cmpopts.IgnoreFields(simulator.TrueGroup{}, "Attributes")))
		})
	}
}

func TestAGroupDeletedWhileItIsReadIsNotFound(t *testing.T) {
	t.Parallel()
	for vendor, setup := range managed(quiet) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(8, 300)), setup())
			reader := w.client.(provider.GroupReader)
			page, err := reader.ListGroups(t.Context(), "")
			require.NoError(t, err)
			require.NoError(t, w.company.DeleteGroup(1))
			i := slices.IndexFunc(page.Groups,
				func(g provider.FoundGroup) bool { return g.ExternalID == w.company.GroupID(w.kind, 1) })
			gone := page.Groups[i]
			_, err = reader.ListGroupMembers(t.Context(),
				provider.GroupQuery{Group: gone.ExternalID, Method: gone.MembersMethod})
			require.Equal(t, provider.NotFound, w.fit(err).Kind)
		})
	}
}

// More than ten administrators of apps cannot be told from ten (feishu-more.md §D).
func TestAListThatMayLeaveAdministratorsOutSaysSo(t *testing.T) {
	t.Parallel()
	w := open(t, simulator.Generate(simulator.TypicalSpec(8, 300)), onFeishu(feishu.Config{Options: quiet}))
	for p := simulator.PersonID(100); p < 110; p++ {
		require.NoError(t, w.company.Appoint(p, directory.SubAdministrator))
	}
	require.True(t, w.readGroups(t.Context()).truncated)
}

func TestCheckWarnsOfKindsWithoutAPermission(t *testing.T) {
	t.Parallel()
	scopes, err := feishu.Without("contact:group:readonly", "admin:app.admin_id:readonly")
	require.NoError(t, err)
	w := open(t, simulator.Generate(simulator.TypicalSpec(8, 60)),
		onFeishu(feishu.Config{Options: quiet, Scopes: scopes}))
	report, err := w.client.Check(t.Context())
	require.NoError(t, err)
	require.True(t, report.OK(), "it costs nothing else")
	for check, scope := range map[string]string{"user groups": "contact:group:readonly",
		"administrators": "admin:app.admin_id:readonly"} {
		i := slices.IndexFunc(report.Findings, func(f provider.Finding) bool { return f.Check.String() == check })
		require.Equal(t, provider.Warn, report.Findings[i].Level)
		require.Contains(t, report.Findings[i].Detail.String(), scope)
		require.Contains(t, report.Findings[i].Action.String(), "Permissions & Scopes")
	}
	for _, err := range w.readGroups(t.Context()).errs {
		require.Equal(t, provider.Forbidden, w.fit(err).Kind)
	}
}

// groupFrames are what stands around the records of the listings of groups.
var groupFrames = map[directory.ProviderType][]string{
	directory.Feishu: {"$.code", "$.data", "$.data.has_more", "$.data.grouplist", "$.data.memberlist",
		"$.data.user_list", "$.data.page_token"},
	directory.DingTalk: {"$.errcode", "$.result", "$.result.hasMore", "$.result.list", "roles", "manageScopes",
		"sys_level"},
	directory.WeCom: {"$.taglist", "$.userlist", "$.partylist", "$.admin", "auth_type"},
}

// mayBeSilent: an empty list cannot be told from a group without members, nor a missing area
// of management from one that was never given. The engine asks again before it counts. A list
// that is left out counts as empty where the reference lets it be.
func mayBeSilent(endpoint, fault string, action simulator.Action) bool {
	unpaged := slices.Contains([]string{"user/listadmin", "app_admin_user/list", "tag/list", "tag/get",
		"agent/get_admin_list"}, endpoint)
	leftOut := !strings.HasPrefix(endpoint, "tag/") && strings.HasSuffix(strings.TrimSuffix(fault, " null"), "list") &&
		action.Kind != simulator.WrongType
	return action.Kind == simulator.NoItems || action.Kind == simulator.EmptyPage && unpaged || leftOut ||
		slices.Contains([]string{"no manageScopes", "manageScopes null"}, fault)
}

func TestUnderEveryFaultGroupsAreReadOrSaidNotToBe(t *testing.T) {
	t.Parallel()
	spec := simulator.Spec{Seed: 6, Departments: 5, Members: 420, Groups: 8}
	for vendor, setup := range managed(quiet) {
		fair := open(t, simulator.Generate(spec), setup())
		require.Empty(t, fair.groupDifferences(fair.readGroups(t.Context()), false))
		all := maps.Clone(faults)
		for _, field := range groupFrames[fair.kind] {
			all["no "+field] = simulator.Action{Kind: simulator.DropField, Field: field}
			all[field+" null"] = simulator.Action{Kind: simulator.SetField, Field: field}
			all[field+" of another type"] = simulator.Action{Kind: simulator.WrongType, Field: field}
		}
		for _, endpoint := range slices.Sorted(maps.Keys(fair.service.Calls.All())) {
			if slices.Contains(tokenCalls, endpoint) {
				continue // tried by walks
			}
			for fault, action := range all {
				struck(t, vendor+"/"+endpoint+"/"+fault, func(t *testing.T) {
					w := open(t, simulator.Generate(spec), setup())
					w.service.Faults.Add(simulator.Fault{Endpoint: endpoint, Action: action})
					r := w.readGroups(t.Context())
					for _, err := range r.errs {
						w.fit(err)
					}
					w.requireDiscreet(append(r.bad, w.log.String())...)
					told := len(r.errs)+len(r.bad) > 0 || r.truncated
					if !told && !mayBeSilent(endpoint, fault, action) {
						require.Empty(t, w.groupDifferences(r, strings.Contains(fault, "name")))
					}
					require.Empty(t, w.groupDifferences(w.readGroups(t.Context()), false), "nothing of it stays behind")
				})
			}
		}
	}
}
