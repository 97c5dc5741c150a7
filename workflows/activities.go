package workflows

import "github.com/orgsync/orgsync/activities"

// Activities are referred to through nil pointers: the worker's own structs do the
// work, these only name the methods, so that a rename is a compile error.
var (
	runs          *activities.Runs
	notifications *activities.Notifications
	pull          *activities.Pull
	apply         *activities.Apply
	reconcile     *activities.Reconcile
	upkeep        *activities.Upkeep
	schedules     *activities.Schedules
)
