package directory

// The statuses of a run, as sync_runs and SyncOrg's result name them.
const (
	RunRunning    = "running"
	RunHeld       = "held"
	RunSucceeded  = "succeeded"
	RunPartial    = "partial"
	RunFailed     = "failed"
	RunRejected   = "rejected"
	RunSuperseded = "superseded"
	RunCanceled   = "canceled"
)
