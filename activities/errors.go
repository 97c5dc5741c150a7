package activities

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/notify"
	"github.com/orgsync/orgsync/internal/provider"
)

// The types of application errors that are not a provider's kinds.
const (
	// TypeInvalid: the request or a stored setting is wrong.
	TypeInvalid = "InvalidInput"
	// TypeNotFound: the stored provider or run does not exist.
	TypeNotFound = "UnknownObject"
	// TypeBusy: another run of the provider is at work.
	TypeBusy = "Busy"
	// TypeInactive: the provider is switched off.
	TypeInactive = "Inactive"
	// TypeUndecided: the run in question waits for a decision.
	TypeUndecided = "Undecided"
	// TypeNothing: there is nothing to be done.
	TypeNothing = "NothingToDo"
	// TypeSuperseded: the run was overtaken or has ended and may write no more.
	TypeSuperseded = "Superseded"
	// TypeStorage: Postgres refused or could not be reached.
	TypeStorage = "Storage"
	// TypeNotification: a webhook could not be told.
	TypeNotification = "Notification"
	// TypeInternal: something that should not be; a bug.
	TypeInternal = "Internal"
)

// classify turns an error into one that tells Temporal whether and when to retry.
// Its text is safe to keep in histories: provider errors and database failures are
// made without personal data (provider.Error, db.Failure).
func classify(err error) error {
	var application *temporal.ApplicationError
	var fromProvider *provider.Error
	var untold *notify.Error
	var busy *db.RunBusyError
	var refused *db.Failure
	var final *db.NotUndoableError
	var unretried *db.RetryError
	var connect *pgconn.ConnectError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err // Temporal's own business
	case errors.As(err, &application):
		return err
	case errors.As(err, &fromProvider):
		return classifyProvider(fromProvider)
	case errors.As(err, &untold):
		options := temporal.ApplicationErrorOptions{NonRetryable: untold.Final, NextRetryDelay: untold.RetryAfter}
		return temporal.NewApplicationErrorWithOptions(untold.Error(), TypeNotification, options)
	case errors.As(err, &busy):
		if busy.Run.Approved {
			return refuse(TypeBusy, message.RunCarryingOut,
				message.Args{"Run": busy.Run.ID, "WorkflowID": busy.Run.WorkflowID})
		}
		return refuse(TypeBusy, message.RunBusy, message.Args{"Run": busy.Run.ID, "WorkflowID": busy.Run.WorkflowID})
	case errors.As(err, &final):
		return temporal.NewNonRetryableApplicationError(final.Reason, typeOf(final.Refusal), nil)
	case errors.As(err, &unretried):
		return temporal.NewNonRetryableApplicationError(unretried.Error(), typeOf(unretried.Refusal), nil)
	case errors.Is(err, db.ErrSuperseded):
		return temporal.NewNonRetryableApplicationError(
			"this run has ended or a newer run of the provider has taken over; it changes nothing more",
			TypeSuperseded, nil)
	case errors.Is(err, db.ErrNotFound):
		return temporal.NewNonRetryableApplicationError(err.Error(), TypeNotFound, nil)
	case errors.As(err, &refused):
		return temporal.NewApplicationErrorWithOptions(err.Error(), TypeStorage,
			temporal.ApplicationErrorOptions{NonRetryable: !isTransient(refused.Code)})
	case errors.As(err, &connect), pgconn.Timeout(err), pgconn.SafeToRetry(err):
		return temporal.NewApplicationError("the database cannot be reached: "+err.Error(), TypeStorage)
	default:
		return temporal.NewApplicationError(err.Error(), TypeInternal)
	}
}

// refuse returns an error that is not to be retried. It says what is wrong in English, and in
// its details by code, so that an edge can say it in the reader's language.
func refuse(errorType string, code message.Code, args message.Args) error {
	problem := &message.Error{Code: code, Args: args}
	return temporal.NewApplicationErrorWithOptions(problem.Error(), errorType,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{problem}})
}

// typeOf is the type of the error for a run that cannot be retried or undone.
func typeOf(why db.Refusal) string {
	switch why {
	case db.RefusedAtWork:
		return TypeBusy
	case db.RefusedUndecided:
		return TypeUndecided
	case db.RefusedEmpty:
		return TypeNothing
	default:
		return TypeInvalid
	}
}

// classifyProvider maps a provider error: its kind is the type.
func classifyProvider(e *provider.Error) error {
	options := temporal.ApplicationErrorOptions{NonRetryable: !e.Kind.Retryable()}
	if e.Kind == provider.RateLimited {
		options.NextRetryDelay = max(e.RetryAfter, time.Second)
		// Being throttled is part of the work, not worth an error line.
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Kind), options)
}

// isTransient reports whether the same statement may succeed later: lost connections,
// serialisation, deadlocks, exhausted resources, a server that is shutting down or
// starting, and unique violations, which two workers meeting at one row cause.
func isTransient(sqlstate string) bool {
	if len(sqlstate) != 5 {
		return true
	}
	switch sqlstate[:2] {
	case "08", "40", "53", "55", "57", "58":
		return true
	}
	return sqlstate == "23505"
}

// messageOf is an error's text for the completeness record, the same that classify would show.
func messageOf(err error) string {
	var application *temporal.ApplicationError
	if classified := classify(err); errors.As(classified, &application) {
		return application.Message()
	}
	return err.Error()
}

// EndsRun reports whether a failed activity's error, as a workflow sees it, would
// meet every other one too: refused credentials, a missing permission, an exhausted
// quota, a run that was overtaken, a database that refuses. Whatever else fails,
// time-outs among it, is the trouble of one department or batch.
func EndsRun(err error) bool {
	var application *temporal.ApplicationError
	if !errors.As(err, &application) {
		return false
	}
	switch application.Type() {
	case TypeSuperseded, TypeStorage, TypeInternal, TypeInvalid, TypeNotFound:
		return true
	default:
		return provider.Kind(application.Type()).EndsRun()
	}
}
