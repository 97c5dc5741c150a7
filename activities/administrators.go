package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
)

// SetAdministratorsInput names local administrators of a run's provider, by external ids.
type SetAdministratorsInput struct {
	RunID  string   `json:"run_id"`
	Add    []string `json:"add,omitempty"`
	Remove []string `json:"remove,omitempty"`
}

// SetAdministrators makes members local administrators, and others none any more. Repeated,
// it changes nothing more.
func (a *Apply) SetAdministrators(ctx context.Context, in SetAdministratorsInput) error {
	defer heartbeat(ctx)()
	err := a.Store.SetAdministrators(ctx, in.RunID, in.Add, in.Remove)
	var unknown *db.UnknownMembersError
	if errors.As(err, &unknown) {
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf(
			"the directory has no member %s; give the external ids of members who are in it",
			strings.Join(unknown.IDs, ", ")), TypeNotFound, nil)
	}
	return classify(err)
}
