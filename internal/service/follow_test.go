package service

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/internal/directory"
)

func TestHowAWorkflowEndedWithoutAResult(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cause       error
		status, why string
	}{
		{temporal.NewCanceledError(), directory.RunCanceled, "the workflow was canceled"},
		{&temporal.TerminatedError{}, directory.RunCanceled, "the workflow was terminated"},
		{temporal.NewNonRetryableApplicationError("there is no provider", "NotFound", nil), directory.RunFailed,
			"there is no provider"},
		{errors.New("timed out"), directory.RunFailed, "timed out"},
	} {
		status, why := endOf(tt.cause)
		require.Equal(t, tt.status, status)
		require.Equal(t, tt.why, why)
	}
}
