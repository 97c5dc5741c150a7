package app

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/workflows"
)

// mostStreams is how many connections on which providers tell of changes one worker keeps.
const mostStreams = 1000

// newStreamWorker polls the queue of these connections.
func newStreamWorker(temporal client.Client, taskQueue string, store *db.Store, opener *clients.Opener,
	intake *service.Intake) worker.Worker {
	o := options(mostStreams)
	o.DisableWorkflowWorker = true
	w := worker.New(temporal, workflows.StreamQueue(taskQueue), o)
	w.RegisterActivityWithOptions(&activities.Listen{
		Store: store, Opener: opener, Intake: intake, Log: opener.Log,
	}, activity.RegisterOptions{})
	return w
}

// newWorkerIntake returns what takes the events that come by them.
func newWorkerIntake(temporal client.Client, taskQueue string, store *db.Store,
	opener *clients.Opener) *service.Intake {
	intake := service.NewWorkerIntake(store, opener, temporal, taskQueue)
	intake.Stored = opener.Metrics.EventsStored
	intake.Refused = func(name string, reason provider.Refusal) {
		opener.Metrics.MessageRefused(name, string(reason))
	}
	intake.Failed = func(doing string, err error) { opener.Log.Warn("intake", "doing", doing, "error", err) }
	return intake
}
