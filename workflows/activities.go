package workflows

import "github.com/orgsync/orgsync/activities"

// Activities are referred to through nil pointers: the worker's own structs do the
// work, these only name the methods, so that a rename is a compile error.
var (
	runs          *activities.Runs
	notifications *activities.Notifications
	reader        *activities.Reader
	apply         *activities.Apply
	reconcile     *activities.Reconcile
	retention     *activities.Retention
	schedules     *activities.Schedules
	logins        *activities.Logins
	follow        *activities.Follow
	listen        *activities.Listen
	deliveries    *activities.Deliveries
)
