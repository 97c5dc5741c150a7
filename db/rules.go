package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/db/providers"
)

// ErrNoRules: a run was to go by a version of the rules that does not exist.
var ErrNoRules = errors.New("the provider has no rules of that version")

// checkRules returns ErrNoRules if a run cannot go by the version; 0 stands for the rules in force.
func (s *Store) checkRules(ctx context.Context, tx pgx.Tx, providerID string, version int) error {
	if version == 0 {
		return nil
	}
	_, err := s.q.GetRulesVersion(ctx, tx, dbsqlc.GetRulesVersionParams{
		ProviderID: providerID, Version: int32(version),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoRules
	}
	return err
}

// version is the version of rules that a run is to go by, nil for those in force.
func version(n int) *int32 {
	if n == 0 {
		return nil
	}
	out := int32(n)
	return &out
}

// DepartmentPlace is where a department stands in the tree.
type DepartmentPlace struct {
	Name string
	// Path is the names from the top, joined by "/".
	Path string
	// Depth counts the departments above.
	Depth int
}

// NameDepartments returns where departments stand, by external id: in the tree that the run
// has read, or else in the directory. An empty runID goes by the directory alone. What
// neither knows is empty.
func (s *Store) NameDepartments(
	ctx context.Context, providerID, runID string, ids []string,
) (map[string]DepartmentPlace, error) {
	rows, err := s.q.NameDepartments(ctx, s.pool, dbsqlc.NameDepartmentsParams{
		ProviderID: &providerID, RunID: pg.NullIfEmpty(runID), ExternalIds: pg.NonNil(ids),
	})
	out := make(map[string]DepartmentPlace, len(rows))
	for _, row := range rows {
		out[row.ExternalID] = DepartmentPlace{Name: row.Name, Path: row.Path, Depth: int(row.Depth)}
	}
	return out, interpret("name departments", err)
}

// GetMemberRecord returns the provider's record of a member as it is stored.
func (s *Store) GetMemberRecord(ctx context.Context, id string) (json.RawMessage, error) {
	raw, err := s.q.GetMemberRecord(ctx, s.pool, id)
	return raw, interpret("read member's record", err)
}

// RunRules are the rules that a run goes by.
type RunRules struct {
	// Version is 0 if the provider never had any rules.
	Version int
	// Document is empty if there are no rules.
	Document string
	// Earlier are the documents that were in force before, whatever of them is still in the
	// directory.
	Earlier []string
}

// GetRunRules returns the rules that a run goes by.
func (s *Store) GetRunRules(ctx context.Context, runID string) (RunRules, error) {
	row, err := s.q.GetRunRules(ctx, s.pool, runID)
	if err != nil || row.RulesVersion == 0 {
		return RunRules{}, interpret("read the run's rules", err)
	}
	out := RunRules{Version: int(row.RulesVersion), Document: row.Document}
	out.Earlier, err = s.Providers.RulesBefore(ctx, row.ProviderID, out.Version)
	return out, err
}

// StoredState is what the directory has of a member whom a listing shows.
type StoredState struct {
	// Known says that there is a row, There that it is not deleted.
	Known, There bool
}

// GetStoredStates returns what the directory has of each of these members.
func (s *Store) GetStoredStates(
	ctx context.Context, p providers.Provider, members []StagedMember,
) ([]StoredState, error) {
	params := dbsqlc.GetStoredStatesParams{ProviderID: &p.ID, IgnoreCase: p.IDsIgnoreCase}
	for i, m := range members {
		params.Numbers = append(params.Numbers, int32(i))
		params.ExternalIds, params.Unionids = append(params.ExternalIds, m.ExternalID), append(params.Unionids,
			m.UnionID)
	}
	rows, err := s.q.GetStoredStates(ctx, s.pool, params)
	out := make([]StoredState, len(members))
	for _, row := range rows {
		out[row.N] = StoredState{Known: true, There: row.There}
	}
	return out, interpret("look for stored members", err)
}

// RuleFailure is a rule that could not be evaluated on a member.
type RuleFailure struct {
	ExternalID string
	// Message says which and why, without the member's data.
	Message string
}

// RecordRuleFailures records rules that failed on members. The same failure counts once a run.
func (s *Store) RecordRuleFailures(ctx context.Context, runID string, failures []RuleFailure) error {
	if len(failures) == 0 {
		return nil
	}
	params := dbsqlc.InsertRuleFailuresParams{RunID: runID}
	for _, f := range failures {
		params.ExternalIds, params.Messages = append(params.ExternalIds, f.ExternalID), append(params.Messages,
			f.Message)
	}
	return interpret("note failed rules", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		return s.q.InsertRuleFailures(ctx, tx, params)
	}))
}

// RuleFigures are what the guard goes by beside the limits.
type RuleFigures struct {
	// Version is that of the run's rules, 0 if there are none. Changed says that others were
	// applied last.
	Version int
	Changed bool
	// Members and Departments are how many are to go since the rules leave them out.
	Members     int
	Departments int
	// Failed is on how many members a rule could not be evaluated, of the Stored ones.
	Failed int
	Stored int
}

func (s *Store) ruleFigures(ctx context.Context, tx dbsqlc.DBTX, runID string) (RuleFigures, error) {
	f, err := s.q.GetRuleFigures(ctx, tx, runID)
	if err != nil || f.RulesVersion == 0 {
		return RuleFigures{}, err
	}
	return RuleFigures{
		Version: int(f.RulesVersion), Changed: f.Changed, Members: int(f.Members), Departments: int(f.Departments),
		Failed: int(f.Failed), Stored: int(f.Stored),
	}, nil
}

// planOutOfScope plans the removal of what the rules leave out: members whom the provider
// lists, departments, and what was in these. What a targeted run leaves out is not excluded
// by rules.
func (s *Store) planOutOfScope(
	ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, read readScope,
) error {
	err := s.q.PlanOutOfScope(ctx, tx, dbsqlc.PlanOutOfScopeParams{
		RunID: runID, ProviderID: &run.ProviderID,
		IgnoreCase: run.IdsIgnoreCase,
	})
	if err == nil && run.Whole {
		err = s.q.PlanExcludedDepartments(ctx, tx, dbsqlc.PlanExcludedDepartmentsParams{
			RunID: runID, ProviderID: &run.ProviderID, TreeRead: read.tree,
		})
	}
	if err == nil && run.Whole {
		err = s.q.PlanExcludedMemberships(ctx, tx, dbsqlc.PlanExcludedMembershipsParams{
			RunID: runID, ProviderID: &run.ProviderID,
		})
	}
	if err == nil && run.Whole && read.listings {
		err = s.q.PlanMembersOfExcluded(ctx, tx, dbsqlc.PlanMembersOfExcludedParams{
			RunID: runID, ProviderID: &run.ProviderID,
		})
	}
	if err != nil {
		return fmt.Errorf("out of scope: %w", err)
	}
	return nil
}

// Ancestors are what a department is below.
type Ancestors struct {
	// Known says that the run's tree or the directory has the department.
	Known bool
	// IDs are its own id and those of the departments above it.
	IDs []string
}

// ListAncestors returns what departments are below, by their external ids: in the tree that the
// run has read, or else in the directory.
func (s *Store) ListAncestors(
	ctx context.Context, providerID, runID string, ids []string,
) (map[string]Ancestors, error) {
	rows, err := s.q.ListDepartmentsAbove(ctx, s.pool, dbsqlc.ListDepartmentsAboveParams{
		ProviderID: &providerID, RunID: runID, ExternalIds: pg.NonNil(ids),
	})
	out := make(map[string]Ancestors, len(rows))
	for _, row := range rows {
		out[row.ExternalID] = Ancestors{Known: row.Known, IDs: row.Above}
	}
	return out, interpret("find what is above departments", err)
}
