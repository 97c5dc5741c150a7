package run

import (
	"context"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// StartTask starts a run that reads nothing, and waits for it if asked to.
func StartTask(ctx context.Context, s *cli.Session, in service.StartTaskInput, flags WaitFlags) error {
	started, err := s.Service.StartTask(ctx, in)
	s.PrintMatches(err)
	if err != nil {
		return err
	}
	return FollowOrPrint(ctx, s, started, flags)
}
