package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
)

// reasonOf is the innermost message of a failed activity: the words that say what
// is wrong, without Temporal's wrapping.
func reasonOf(err error) string {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return application.Message()
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return "no answer in time: " + timeout.Error()
	}
	return err.Error()
}
