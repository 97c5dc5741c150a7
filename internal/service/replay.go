package service

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"

	"github.com/orgsync/orgsync/internal/replay"
)

// ReplayWorkflow runs this build's workflow code against a workflow's history on the server;
// an empty runID means its newest run. The error of an unknown type is replay's own.
func (s *Service) ReplayWorkflow(ctx context.Context, workflowID, runID string) (replay.Verdict, error) {
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return replay.Verdict{}, err
	}
	history, err := replay.Fetch(ctx, temporal, workflowID, runID)
	if errors.As(err, new(*serviceerror.NotFound)) || errors.As(err, new(*serviceerror.InvalidArgument)) {
		return replay.Verdict{}, &Error{Code: WorkflowUnknown, Args: Args{
			WorkflowID: workflowID, TemporalRunID: runID, Namespace: s.connect.Namespace(),
		}}
	}
	if err != nil {
		return replay.Verdict{}, err
	}
	return replay.Replay(history)
}
