package providertest

import (
	"hash/fnv"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// troubled is a small company whose root fills more than one page of the vendor.
func troubled(t directory.ProviderType) *simulator.Company {
	atRoot := map[directory.ProviderType]int{directory.Feishu: 52, directory.DingTalk: 102, directory.WeCom: 8}[t]
	return simulator.Generate(simulator.Spec{Seed: 6, Departments: 5, Members: atRoot + 18, RootMembers: atRoot,
		SeveralDepartments: 0.2})
}

// scene is one way of reading.
type scene struct {
	name string
	open func() *setup
}

// scenes between them make every call that a walk knows, the plain ways first.
func scenes() []scene {
	part := &simulator.Range{Departments: []simulator.Dept{2, 4}, People: []simulator.PersonID{1, 2, 3}}
	return []scene{
		{"feishu", func() *setup { return onFeishu(feishu.Config{Options: quiet}) }},
		{"feishu levels", func() *setup { return onFeishu(feishu.Config{Options: quiet, MaxTree: 1}) }},
		{"feishu part", func() *setup { return onFeishu(feishu.Config{Options: quiet, Range: part}) }},
		{"dingtalk", func() *setup { return onDingTalk(dingtalk.Config{Options: quiet}) }},
		{"dingtalk part", func() *setup { return onDingTalk(dingtalk.Config{Options: quiet, Range: part}) }},
		{"wecom", func() *setup { return onWeCom(wecom.Config{Options: quiet, OldApp: true}, appOnly) }},
		{"wecom app+sync", func() *setup { return onWeCom(wecom.Config{Options: quiet, OldApp: true}, both) }},
		{"wecom sync", func() *setup { return onWeCom(wecom.Config{Options: quiet}, syncOnly) }},
		{"wecom one by one",
			func() *setup { return onWeCom(wecom.Config{Options: quiet, OldApp: true, MaxUserList: 4}, appOnly) }},
		{"wecom part",
			func() *setup { return onWeCom(wecom.Config{Options: quiet, OldApp: true, Range: part}, appOnly) }},
	}
}

// faults are all kinds of fault but Hang, some in several forms.
var faults = map[string]simulator.Action{
	"500":                   {Kind: simulator.HTTPStatus, Status: 500},
	"502 html":              {Kind: simulator.HTML, Status: 502},
	"503 with a code":       {Kind: simulator.HTTPStatus, Status: 503, Code: -1},
	"429":                   {Kind: simulator.HTTPStatus, Status: 429},
	"403":                   {Kind: simulator.HTTPStatus, Status: 403},
	"404":                   {Kind: simulator.HTTPStatus, Status: 404},
	"302":                   {Kind: simulator.HTTPStatus, Status: 302},
	"html":                  {Kind: simulator.HTML},
	"empty body":            {Kind: simulator.EmptyBody},
	"reset":                 {Kind: simulator.Reset},
	"unknown code":          {Kind: simulator.Code, Code: 424242},
	"busy":                  {Kind: simulator.Code, Code: -1},
	"throttled":             {Kind: simulator.Throttle, Delay: 2 * time.Second},
	"forbidden":             {Kind: simulator.Forbidden},
	"out of range":          {Kind: simulator.OutOfRange},
	"expired token":         {Kind: simulator.ExpireToken},
	"slow":                  {Kind: simulator.Slow, Delay: time.Millisecond},
	"truncated":             {Kind: simulator.Truncate},
	"cut":                   {Kind: simulator.Cut},
	"no items":              {Kind: simulator.NoItems},
	"empty page":            {Kind: simulator.EmptyPage},
	"same token":            {Kind: simulator.SameToken},
	"cycle":                 {Kind: simulator.CycleToken},
	"duplicate":             {Kind: simulator.Duplicate},
	"no id":                 {Kind: simulator.NoID},
	"id of another type":    {Kind: simulator.WrongType},
	"id empty":              {Kind: simulator.SetField, Value: ""},
	"id null":               {Kind: simulator.SetField},
	"no name":               {Kind: simulator.DropField, Field: "name"},
	"name null":             {Kind: simulator.SetField, Field: "name"},
	"name of another type":  {Kind: simulator.WrongType, Field: "name"},
	"order of another type": {Kind: simulator.WrongType, Field: "order"},
}

// frames are what stands around a vendor's records; each is taken away, made null
// and made another type.
var frames = map[directory.ProviderType][]string{
	directory.Feishu: {"$.code", "$.data", "$.data.has_more", "$.data.items", "$.data.page_token", "department_ids",
		"parent_department_id"},
	directory.DingTalk: {"$.errcode", "$.result", "$.result.has_more", "$.result.list", "$.result.next_cursor",
		"$.auth_org_scopes", "dept_id_list", "parent_id"},
	directory.WeCom: {"$.userlist", "$.department", "$.department_id", "$.dept_user", "$.next_cursor", "parentid",
		"department", "main_department"},
}

func faultsOf(kind directory.ProviderType) map[string]simulator.Action {
	all := maps.Clone(faults)
	for _, field := range frames[kind] {
		all["no "+field] = simulator.Action{Kind: simulator.DropField, Field: field}
		all[field+" null"] = simulator.Action{Kind: simulator.SetField, Field: field}
		all[field+" of another type"] = simulator.Action{Kind: simulator.WrongType, Field: field}
	}
	return all
}

// telling are the kinds whose effect depends on the way of reading; they are tried
// in every scene, once and on all calls of an endpoint.
var telling = []simulator.Kind{
	simulator.ExpireToken, simulator.Throttle, simulator.Forbidden, simulator.OutOfRange, simulator.NoItems,
	simulator.EmptyPage,
	simulator.SameToken, simulator.NoID,
}

// endpointsOf are the calls that a fair walk of the scene makes.
func endpointsOf(t *testing.T, s *setup) []string {
	t.Helper()
	w := open(t, troubled(s.vendor.Type), s)
	w.requireTruth(walk(t.Context(), w.kind, w.client))
	return slices.Sorted(maps.Keys(w.service.Calls.All()))
}

// struck runs the test of one fault. The race detector makes each take ten times as long and sees the same goroutines
// in all of them, so under it every sixteenth is run; `make test` runs all of them without it.
func struck(t *testing.T, name string, test func(*testing.T)) {
	t.Helper()
	if sum := fnv.New32a(); underRaceDetector {
		_, _ = sum.Write([]byte(name))
		if sum.Sum32()%16 != 0 {
			return
		}
	}
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		test(t)
	})
}

// A limited range that comes short looks like one that shrank, which is for whoever
// compares ranges to notice: nothing in the answers contradicts it.
var shortRanges = []string{
	"feishu part/scopes/no items", "feishu part/scopes/empty page",
	"dingtalk part/auth/scopes/no items", "dingtalk part/auth/scopes/empty page",
}

func TestUnderEveryFaultAWalkBringsTheCompanyOrSaysThatItDidNot(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{} // calls that had every fault already
	for _, scene := range scenes() {
		setup := scene.open()
		kind := setup.vendor.Type
		for _, endpoint := range endpointsOf(t, setup) {
			call := string(kind) + " " + endpoint
			for fault, action := range faultsOf(kind) {
				at := scene.name + "/" + endpoint + "/" + fault
				if isTelling := slices.Contains(telling, action.Kind); !tried[call] || isTelling {
					struck(t, at, func(t *testing.T) {
						underFault(t, open(t, troubled(kind), scene.open()), at,
							simulator.Fault{Endpoint: endpoint, Action: action})
						if isTelling {
							underFault(t, open(t, troubled(kind), scene.open()), at,
								simulator.Fault{Endpoint: endpoint, Action: action, Times: simulator.Forever})
						}
					})
				}
			}
			tried[call] = true
		}
	}
}

func underFault(t *testing.T, w *world, at string, fault simulator.Fault) {
	t.Helper()
	w.service.Faults.Add(fault)
	before := w.service.Calls.Count(fault.Endpoint)
	r := walk(t.Context(), w.kind, w.client)
	require.Greater(t, w.service.Calls.Count(fault.Endpoint), before, "nothing was struck")
	for _, err := range r.errs {
		w.fit(err)
	}
	w.requireDiscreet(append(r.bad, w.log.String())...)
	if root := r.departments["0"]; fault.Endpoint == "tenant/query" && root.Name != nil {
		w.hidden["company"] = *root.Name == "Root" // the name is all that it is asked for
	}
	if result := w.outcome(t.Context(), r); !slices.Contains(shortRanges, at) {
		require.NotEqual(t, silent, result)
	}

	if fault.Times == simulator.Forever {
		w.service.Faults.Clear()
		w.hidden["company"] = false
		w.requireTruth(walk(t.Context(), w.kind, w.client)) // nothing of it stays behind
	}
}

func TestAServiceThatNeverAnswersIsUnavailable(t *testing.T) {
	t.Parallel()
	for vendor, setup := range everyVendor(quiet) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			s := setup()
			s.env = func(e *provider.Env) { e.CallTimeout = 20 * time.Millisecond }
			w := open(t, troubled(s.vendor.Type), s)
			w.service.Faults.Add(simulator.Fault{Times: simulator.Forever,
				Action: simulator.Action{Kind: simulator.Hang}})
			r := walk(t.Context(), w.kind, w.client)
			require.Len(t, r.errs, 1)
			require.Equal(t, provider.Unavailable, w.fit(r.errs[0]).Kind)
			_, err := w.client.Check(t.Context())
			require.Equal(t, provider.Unavailable, w.fit(err).Kind)
		})
	}
}
