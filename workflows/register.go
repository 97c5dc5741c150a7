package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Register registers the workflows under their public names. Workers, replayers and
// tests share it.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(SyncOrg, workflow.RegisterOptions{Name: SyncOrgName})
	r.RegisterWorkflowWithOptions(SyncDepartments, workflow.RegisterOptions{Name: SyncDepartmentsName})
	r.RegisterWorkflowWithOptions(TaskRun, workflow.RegisterOptions{Name: TaskRunName})
	r.RegisterWorkflowWithOptions(UndoRun, workflow.RegisterOptions{Name: UndoRunName})
	r.RegisterWorkflowWithOptions(SetAdministrators, workflow.RegisterOptions{Name: SetAdministratorsName})
	r.RegisterWorkflowWithOptions(HoldRemovals, workflow.RegisterOptions{Name: HoldRemovalsName})
	r.RegisterWorkflowWithOptions(Retention, workflow.RegisterOptions{Name: RetentionName})
	r.RegisterWorkflowWithOptions(NotifyRun, workflow.RegisterOptions{Name: NotifyRunName})
	r.RegisterWorkflowWithOptions(FollowChanges, workflow.RegisterOptions{Name: FollowChangesName})
	r.RegisterWorkflowWithOptions(KeepStream, workflow.RegisterOptions{Name: KeepStreamName})
	r.RegisterWorkflowWithOptions(DeliverChanges, workflow.RegisterOptions{Name: DeliverChangesName})
	r.RegisterWorkflowWithOptions(ScheduledSync, workflow.RegisterOptions{Name: ScheduledSyncName})
	r.RegisterWorkflowWithOptions(RecordLogins, workflow.RegisterOptions{Name: RecordLoginsName})
}
