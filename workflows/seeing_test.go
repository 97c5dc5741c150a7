package workflows_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/workflows"
)

// metadata is what the Web UI asks a workflow for.
func metadata(t *testing.T, env *testsuite.TestWorkflowEnvironment) *sdkpb.WorkflowMetadata {
	t.Helper()
	value, err := env.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var m sdkpb.WorkflowMetadata
	require.NoError(t, value.Get(&m))
	return &m
}

// summaries notes what activities and children are called.
type summaries struct {
	interceptor.WorkerInterceptorBase
	mu         sync.Mutex
	activities map[string][]string
	children   []string
	provider   []string
}

func watchSummaries(env *testsuite.TestWorkflowEnvironment) *summaries {
	s := &summaries{activities: map[string][]string{}}
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{s}})
	return s
}

func (s *summaries) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, s}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	seen *summaries
}

func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outbound{interceptor.WorkflowOutboundInterceptorBase{Next: next}, i.seen})
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	seen *summaries
}

func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.seen.mu.Lock()
	o.seen.activities[name] = append(o.seen.activities[name], workflow.GetActivityOptions(ctx).Summary)
	o.seen.mu.Unlock()
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func (o *outbound) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	options := workflow.GetChildWorkflowOptions(ctx)
	provider, _ := options.TypedSearchAttributes.GetKeyword(workflows.AttributeProvider)
	o.seen.mu.Lock()
	o.seen.children = append(o.seen.children, options.StaticSummary)
	o.seen.provider = append(o.seen.provider, provider)
	o.seen.mu.Unlock()
	return o.Next.ExecuteChildWorkflow(ctx, name, args...)
}

// named calls departments od-1, od-2 and so on, in as many bytes as asked for.
func named(size int) func(activities.BatchInput) (activities.DepartmentIDsResult, error) {
	return func(in activities.BatchInput) (out activities.DepartmentIDsResult, _ error) {
		for n := in.First; n <= in.Last; n++ {
			id := fmt.Sprintf("od-%d", n)
			out.IDs = append(out.IDs, id+strings.Repeat("x", max(0, size-len(id))))
		}
		return out, nil
	}
}

func TestSummariesNameDepartments(t *testing.T) {
	t.Parallel()
	f := newFakes(401)
	f.departmentIDs = named(0)
	f.sealDepartments = func(activities.FinishDepartmentsInput) (activities.FinishDepartmentsResult, error) {
		return activities.FinishDepartmentsResult{Departments: 401, Sharding: shapeOf(401),
			Shards: [][2]string{{"od-1", "od-400"}, {"od-401", "od-401"}}}, nil
	}
	f.pullMembers = func(in activities.BatchInput) (out activities.ReadMembersResult, _ error) {
		if in.First == 1 {
			out.Failed = []int{3}
		}
		return out, nil
	}
	env := f.env(t)
	seen := watchSummaries(env)
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	for _, name := range []string{"ReadMembers", "ApplyMembers"} {
		require.Contains(t, seen.activities[name], "4 departments: od-1, od-2, od-3, od-4")
		require.Contains(t, seen.activities[name], "department od-401")
	}
	require.Equal(t, []string{"department od-3 alone"}, seen.activities["ReadDepartmentMembers"])
	require.Equal(t, []string{"departments 1 to 400 of 401: od-1 to od-400",
		"departments 401 to 401 of 401: od-401 to od-401"}, seen.children)
	require.Equal(t, []string{"acme", "acme"}, seen.provider)
}

func TestSummariesFit(t *testing.T) {
	t.Parallel()
	f := newFakes(5000)
	f.departmentIDs = named(67) // the longest that the activity returns
	env := f.env(t)
	seen := watchSummaries(env)
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	all := seen.children
	for _, some := range seen.activities {
		all = append(all, some...)
	}
	for _, summary := range all {
		require.LessOrEqual(t, len(summary), 400, "the server takes no more (temporal.md §1.1)")
	}
	require.Regexp(t, `^50 departments: od-\d+x+, od-.* and 46 more$`, seen.activities["ReadMembers"][0])
}

// Whatever hinders finding out the ids, the shard does its work.
func TestSliceWorksWithoutIDs(t *testing.T) {
	t.Parallel()
	for name, ids := range map[string]func(activities.BatchInput) (activities.DepartmentIDsResult, error){
		"refused": func(activities.BatchInput) (activities.DepartmentIDsResult, error) {
			return activities.DepartmentIDsResult{}, final(activities.TypeStorage, "postgres 42P01")
		},
		"fewer": func(activities.BatchInput) (activities.DepartmentIDsResult, error) {
			return activities.DepartmentIDsResult{IDs: []string{"od-1"}}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(2)
			f.departmentIDs = ids
			env := f.env(t)
			seen := watchSummaries(env)
			_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
			require.NoError(t, err)
			require.ElementsMatch(t, []string{"department 1", "department 2"}, seen.activities["ReadMembers"])
		})
	}
}

func TestDetailsFollowTheRun(t *testing.T) {
	t.Parallel()
	f := newFakes(2)
	f.beginRun = func(activities.BeginRunInput) (activities.BeginRunResult, error) {
		return activities.BeginRunResult{RunID: runID, Vendor: "Feishu", TenantID: "7e4a"}, nil
	}
	f.pullMembers = func(in activities.BatchInput) (activities.ReadMembersResult, error) {
		return activities.ReadMembersResult{People: 60}, nil
	}
	f.planRemovals = func(activities.PlanRemovalsInput) (activities.PlanRemovalsResult, error) {
		return activities.PlanRemovalsResult{PerKind: directory.PerKind{Members: 2, Memberships: 3},
			Changed: &directory.Counts{Members: directory.MemberCounts{Created: 4}}}, nil
	}
	f.finishRun = func(activities.FinishRunInput) (activities.RunReport, error) {
		return activities.RunReport{
			Provider: "acme", Mode: "apply", Status: directory.RunPartial,
			Reasons: []directory.Reason{
				{Type: "department", Text: "out of *range*\nof d_1", Count: 12, IDs: []string{"od-9"}},
				{Type: "member", Text: "unknown", Count: 1, IDs: []string{"u1"}},
			},
			Counts: directory.Counts{Members: directory.MemberCounts{Created: 4, Deleted: 2},
				Departments: directory.DepartmentCounts{Failed: 1, Deleted: 1}},
		}, nil
	}
	var env *testsuite.TestWorkflowEnvironment
	var begun string
	f.before = func(name string) {
		if name == "BeginRun" {
			env.RegisterDelayedCallback(func() { begun = metadata(t, env).CurrentDetails }, 0)
		}
	}
	env = f.env(t)
	attribute := watchAttributes(env)
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme", OnRemovals: "apply",
		Departments: []string{"od-1", "od-2"}})
	require.NoError(t, err)
	require.Equal(t, []any{"7e4a"}, attribute("OrgTenant"))
	require.Equal(t, []any{int64(3)}, attribute("SyncRemoved"))

	require.Contains(t, begun,
		"**Sync acme**: makes the directory match the provider; removes everything that is gone, without asking. "+
			"Limited to departments `od-1`, `od-2` and the departments below them.")
	require.Contains(t, begun, "| status | **running** |")
	ended := metadata(t, env)
	for _, want := range []string{
		"| provider | acme (Feishu) |", "| tenant | `7e4a` |", "| run | `" + runID + "` |", "| status | **partial** |",
		"| departments | 0s | 2 listed |", "| members | 0s | 2 of 2 departments done, 120 members listed |",
		"to remove: 2 members, 3 memberships; changed before: members 4 created",
		"Changed: departments 1 removed; members 4 created, 2 removed.",
		"\n\n**What went wrong:**\n\n- 12 departments (od-9 and 11 more): out of \\*range\\* of d\\_1\n- member u1: " +
			"unknown\n\n- `orgsync runs retry " + runID + "`",
		"`orgsync runs show " + runID + "`",
	} {
		require.Contains(t, ended.CurrentDetails, want)
	}
	require.Len(t, ended.Definition.QueryDefinitions, 1+countInternal(ended))
	for _, query := range ended.Definition.QueryDefinitions {
		require.NotEmpty(t, query.Description, query.Name)
	}
}

// countInternal is how many queries the SDK itself answers.
func countInternal(m *sdkpb.WorkflowMetadata) (n int) {
	for _, query := range m.Definition.QueryDefinitions {
		if strings.HasPrefix(query.Name, "__") {
			n++
		}
	}
	return n
}

// Temporal calls held and partial runs completed like those that succeeded: a memo says
// in words what they came to.
func TestMemoSaysWhatCameOfTheRun(t *testing.T) {
	t.Parallel()
	partial := func(counts directory.Counts) func(*fakes) {
		return func(f *fakes) {
			f.finishRun = func(activities.FinishRunInput) (activities.RunReport, error) {
				return activities.RunReport{Provider: "acme", Status: directory.RunPartial, Counts: counts}, nil
			}
		}
	}
	for name, c := range map[string]struct {
		arrange func(*fakes)
		want    string
	}{
		"succeeded": {func(*fakes) {}, "succeeded"},
		"held":      {func(f *fakes) { f.planRemovals = planning(heldPlan) }, "held: " + holdReason},
		"departments": {partial(directory.Counts{Departments: directory.DepartmentCounts{Read: 40, Failed: 3}}),
			"partial: 3 of 40 departments could not be read in full"},
		"people": {partial(directory.Counts{Members: directory.MemberCounts{Read: 40, Failed: 3}}),
			"partial: 3 people could not be read or told apart"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(1)
			c.arrange(f)
			env := f.env(t)
			holdingChild(env, func(workflows.HoldInput) {})
			memo := watchMemo(env)
			_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
			require.NoError(t, err)
			require.Equal(t, map[string]any{workflows.OutcomeMemo: c.want}, memo())
		})
	}
}

// watchMemo returns what a workflow notes about itself.
func watchMemo(env *testsuite.TestWorkflowEnvironment) func() map[string]any {
	var mu sync.Mutex
	noted := map[string]any{}
	env.OnUpsertMemo(mock.MatchedBy(func(memo map[string]any) bool {
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(noted, memo)
		return true
	})).Return(nil)
	return func() map[string]any {
		mu.Lock()
		defer mu.Unlock()
		return noted
	}
}

func TestProgressTellsThePhases(t *testing.T) {
	t.Parallel()
	f := newFakes(2)
	f.planRemovals = planning(heldPlan)
	env := f.env(t)
	env.RegisterWorkflowWithOptions(func(workflow.Context, workflows.HoldInput) (*workflows.SyncResult, error) {
		return nil, nil
	},
		workflow.RegisterOptions{Name: workflows.HoldRemovalsName, DisableAlreadyRegisteredCheck: true})
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	value, err := env.QueryWorkflow(workflows.ProgressQuery)
	require.NoError(t, err)
	var p workflows.Progress
	require.NoError(t, value.Get(&p))
	require.Equal(t, []any{"acme", "apply", directory.RunHeld, "done", holdReason, "orgsync/acme/removals/" + runID},
		[]any{p.Provider, p.Mode, p.Status, p.Phase, p.HoldReason, p.HoldWorkflowID})
	require.Equal(t, &directory.PerKind{Members: 30, Departments: 2, Memberships: 31}, p.Removals)
	require.NotNil(t, p.StartedAt)
	var phases []string
	for _, phase := range p.Phases {
		phases = append(phases, phase.Phase)
		require.NotNil(t, phase.FinishedAt, phase.Phase)
		require.False(t, phase.FinishedAt.Before(phase.StartedAt))
	}
	require.Equal(t, []string{"preflight", "departments", "members", "groups", "removals", "recompute", "hold"}, phases)
	details := metadata(t, env).CurrentDetails
	require.Contains(t, details, "`orgsync approve acme "+runID+"`")
	require.Contains(t, details, "Workflow `orgsync/acme/removals/"+runID+
		"` shows the removals and waits for the decision.")
}

func TestSliceTellsItsProgress(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	f.departmentIDs = named(0)
	f.pullMembers = pulling(activities.ReadMembersResult{People: 9, Read: 3}, nil)
	env := f.env(t)
	env.ExecuteWorkflow(workflows.SyncDepartments,
		workflows.SyncDepartmentsInput{RunID: runID, Provider: "acme", First: 1, Last: 6, Batch: 3, Batches: 16,
			Apply: true})
	require.NoError(t, env.GetWorkflowError())
	value, err := env.QueryWorkflow(workflows.ProgressQuery)
	require.NoError(t, err)
	var p workflows.ShardProgress
	require.NoError(t, value.Get(&p))
	require.Equal(t, workflows.ShardProgress{
		RunID: runID, Provider: "acme", First: 1, Last: 6, FirstID: "od-1", LastID: "od-6", DepartmentsDone: 6,
		MembersRead: 9,
	}, p)
	m := metadata(t, env)
	require.Contains(t, m.CurrentDetails, "departments 1 to 6 of `acme`, `od-1` to `od-6`")
	require.Contains(t, m.CurrentDetails, "| 6 of 6 | 0 | 9 |")
}

func TestSummaryAndDetailsOfAnInput(t *testing.T) {
	t.Parallel()
	many := make([]string, 15)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for _, c := range []struct {
		in               workflows.SyncInput
		summary, details string
	}{
		{workflows.SyncInput{Provider: "acme"}, "Sync acme", "removals beyond the provider's limits wait for approval"},
		{workflows.SyncInput{Provider: "acme", OnRemovals: "skip"}, "Sync acme", "removes nothing"},
		{workflows.SyncInput{Provider: "acme", Mode: "plan"}, "Plan a sync of acme", "changes nothing"},
		{workflows.SyncInput{Provider: "acme", Departments: many}, "Sync acme",
			"`9` and 5 more and the departments below them."},
		{workflows.SyncInput{Provider: "acme", Members: []string{"u1", "u2"}}, "Sync acme",
			"Limited to members `u1`, `u2`."},
		{workflows.SyncInput{Provider: "acme", Retry: "4f1c"}, "Sync acme", "Limited to what failed in run `4f1c`."},
	} {
		require.Equal(t, c.summary, c.in.Summary(message.English))
		require.Contains(t, c.in.Details(message.English), c.details)
	}
}

// A run shows itself in the language of the worker that began it.
func TestPagesAreInTheWorkersLanguage(t *testing.T) {
	t.Parallel()
	f := newFakes(2)
	f.beginRun = func(activities.BeginRunInput) (activities.BeginRunResult, error) {
		return activities.BeginRunResult{RunID: runID, Vendor: "Feishu", Language: message.Chinese}, nil
	}
	f.planRemovals = planning(heldPlan)
	env := f.env(t)
	var held workflows.HoldInput
	holdingChild(env, func(in workflows.HoldInput) { held = in })
	seen := watchSummaries(env)
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	require.Equal(t, message.Chinese, held.Language)
	for _, want := range []string{
		"**同步 acme**：使通讯录与提供方一致", "| 提供方 | acme (Feishu) |", "| 状态 | **等待审批** |", "| 预检 | 0s |",
		"待移除：部门 2，成员 30，部门成员关系 31", "`orgsync approve acme " + runID + "`：移除且仅移除这些对象",
	} {
		require.Contains(t, metadata(t, env).CurrentDetails, want)
	}
	require.Contains(t, seen.children, "acme 的移除等待审批")
}
