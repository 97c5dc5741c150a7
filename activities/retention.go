package activities

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/metrics"
)

// Retention ends runs that nothing else will end and cleans up what has been kept
// long enough.
type Retention struct {
	Store *db.Store
	// Runs answers whether the workflow of an unfinished run is still at work.
	Runs *Runs
	Keep Keep
	// Metrics counts what was cleaned up.
	Metrics *metrics.Metrics
	// Now is this machine's clock, which says whether that of Postgres can be right.
	Now func() time.Time
}

// Keep is how long things are kept after their run has ended; zero: for ever. Nothing
// outlives what it belongs to: details go with their run, raw records with the details.
type Keep struct {
	Runs, Details, Raw time.Duration
}

// The parts of retention, in the order in which they must be done: what is found by
// means of something else goes before it.
const (
	PartStaging = "staging"
	PartRaw     = "raw"
	PartDetails = "details"
	PartRuns    = "runs"
	PartCalls   = "calls"
)

// Parts are all parts of retention in order.
var Parts = []string{PartStaging, PartRaw, PartDetails, PartRuns, PartCalls}

// abandonedAfter is how long a run may be at work before Temporal is asked whether it
// really is.
const abandonedAfter = 24 * time.Hour

// EndDeadRunsResult is how many runs were ended.
type EndDeadRunsResult struct {
	Ended int `json:"ended"`
}

// EndDeadRuns ends runs that have been marked as running for a day and whose workflow
// is gone: where no further sync of the provider begins, nothing else would.
func (a *Retention) EndDeadRuns(ctx context.Context) (EndDeadRunsResult, error) {
	defer heartbeat(ctx)()
	var out EndDeadRunsResult
	open, err := a.Store.ListUnfinishedRuns(ctx, abandonedAfter)
	if err != nil {
		return out, classify(err)
	}
	for _, run := range open {
		status, err := a.ended(ctx, run)
		if err != nil {
			return out, classify(err)
		}
		if status == "" {
			continue
		}
		ended, err := a.Store.EndDeadRun(ctx, run.ID, status)
		if err != nil {
			return out, classify(err)
		}
		if ended {
			out.Ended++
		}
	}
	return out, nil
}

// ended tells how a run's workflow ended, or "" if it is at work, be it as another
// execution: one that was reset goes on with the run that it had begun.
func (a *Retention) ended(ctx context.Context, run db.OpenRun) (string, error) {
	status, err := a.Runs.endedStatus(ctx, run)
	if err != nil || status == "" {
		return "", err
	}
	run.TemporalRunID = "" // the latest execution
	latest, err := a.Runs.endedStatus(ctx, run)
	if err != nil || latest == "" {
		return "", err
	}
	return status, nil
}

// CleanUpInput asks for one part of retention.
type CleanUpInput struct {
	Part string `json:"part"`
}

// CleanUpResult is what was cleaned up.
type CleanUpResult struct {
	Rows int `json:"rows"`
	// More says that time was up before the part was done to its end.
	More bool `json:"more,omitempty"`
}

// cleanFor is how long one attempt cleans up, well within its time-out.
const cleanFor = 10 * time.Minute

// CleanUp carries out one part in bounded transactions, until it is done or time is up.
// Repeated it goes on where it stopped.
func (a *Retention) CleanUp(ctx context.Context, in CleanUpInput) (CleanUpResult, error) {
	clean, known := a.part(in.Part)
	if !known {
		return CleanUpResult{}, temporal.NewNonRetryableApplicationError("retention has no part "+in.Part, TypeInternal,
			nil)
	}
	defer heartbeat(ctx)()
	var out CleanUpResult
	for began := time.Now(); ; {
		cleaned, err := clean(ctx)
		if err != nil {
			return CleanUpResult{}, classify(err)
		}
		out.Rows += cleaned.Rows
		a.Metrics.CleanedUp(in.Part, cleaned.Rows)
		if !cleaned.More {
			return out, classify(a.Store.FinishRetentionStep(ctx, in.Part))
		}
		if time.Since(began) > cleanFor {
			out.More = true
			return out, nil
		}
	}
}

// part returns what carries out one transaction of a part.
func (a *Retention) part(name string) (func(context.Context) (db.Cleaned, error), bool) {
	details := shorter(a.Keep.Details, a.Keep.Runs)
	switch name {
	case PartStaging:
		return a.Store.CleanStaging, true
	case PartRaw:
		return a.olderThan(shorter(a.Keep.Raw, details), a.Store.CleanRaw), true
	case PartDetails:
		return a.olderThan(details, a.Store.CleanDetails), true
	case PartRuns:
		return a.olderThan(a.Keep.Runs, a.Store.CleanRuns), true
	case PartCalls:
		return a.Store.CleanCalls, true
	default:
		return nil, false
	}
}

// olderThan cleans up what is older, and nothing where it is kept for ever.
func (a *Retention) olderThan(age time.Duration,
	clean func(context.Context, time.Duration) (db.Cleaned, error)) func(context.Context) (db.Cleaned, error) {
	return func(ctx context.Context) (db.Cleaned, error) {
		if age == 0 {
			return db.Cleaned{}, nil
		}
		if err := a.clocksAgree(ctx); err != nil {
			return db.Cleaned{}, err
		}
		return clean(ctx, age)
	}
}

// clocksApart is how far apart two clocks may be that are both taken for right.
const clocksApart = time.Hour

// clocksAgree demands that Postgres' clock is confirmed by another one before anything is
// deleted for its age: if it had jumped ahead, everything would be old.
func (a *Retention) clocksAgree(ctx context.Context) error {
	stored, err := a.Store.ReadClock(ctx)
	if err != nil {
		return err
	}
	if here := a.Now(); stored.Sub(here).Abs() > clocksApart {
		return temporal.NewApplicationError(fmt.Sprintf(
			"it is %s by the clock of Postgres and %s by that of this worker; set the wrong one right: until they "+
				"agree nothing is deleted for its age",
			stored.UTC().Format(time.RFC3339), here.UTC().Format(time.RFC3339)), TypeStorage)
	}
	return nil
}

// shorter of two durations, of which zero is the longest.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
