package db

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// UnknownMembersError says which external ids no member has, or several have.
type UnknownMembersError struct{ IDs []string }

// Error implements error.
func (e *UnknownMembersError) Error() string { return "no such member: " + strings.Join(e.IDs, ", ") }

// SetAdministrators makes members, by external ids, administrators by this installation's own
// word, and others none any more. It returns *UnknownMembersError, and changes nothing, if one
// of the ids is no member's.
func (s *Store) SetAdministrators(ctx context.Context, runID string, add, remove []string) error {
	return interpret("set administrators", s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		added, err := s.memberRows(ctx, tx, run, add)
		if err != nil {
			return err
		}
		removed, err := s.memberRows(ctx, tx, run, remove)
		if err != nil {
			return err
		}
		if err := discardCount(s.q.NameAdministrators(ctx, tx, dbsqlc.NameAdministratorsParams{
			ProviderID: run.ProviderID, Members: added,
		})); err != nil {
			return err
		}
		return discardCount(s.q.UnnameAdministrators(ctx, tx, dbsqlc.UnnameAdministratorsParams{
			ProviderID: run.ProviderID, Members: removed,
		}))
	}))
}

// memberRows returns the ids of the rows of the members with these external ids.
func (s *Store) memberRows(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow,
	externalIDs []string) ([]string, error) {
	rows := make([]string, 0, len(externalIDs))
	var unknown []string
	for _, externalID := range externalIDs {
		found, err := s.q.FindMembersByExternalID(ctx, tx, dbsqlc.FindMembersByExternalIDParams{
			ProviderID: &run.ProviderID, ExternalID: externalID,
			IgnoreCase: run.IdsIgnoreCase,
		})
		if err != nil {
			return nil, err
		}
		if len(found) != 1 {
			unknown = append(unknown, externalID)
			continue
		}
		rows = append(rows, found[0])
	}
	if len(unknown) > 0 {
		return nil, &UnknownMembersError{IDs: unknown}
	}
	return rows, nil
}
