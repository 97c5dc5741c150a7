package providers

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Rules are one version of a provider's rules.
type Rules struct {
	// Version counts from 1; 0: the provider never had any rules.
	Version int
	// Document is as it was set, empty if there are no rules from this version on.
	Document string
	// Draft says that the version is only for a dry run.
	Draft     bool
	CreatedAt time.Time
	// CreatedBy is who set it, empty where that is not known.
	CreatedBy string
}

// NewRules is what SetRules stores.
type NewRules struct {
	// Document is empty to have no rules.
	Document string
	// Included and Excluded are the departments that it includes and excludes.
	Included []string
	Excluded []string
	Draft    bool
	// By is who sets it.
	By audit.By
}

// SetRules adds a version of a provider's rules. What is in force already is not set again.
func (s *Store) SetRules(ctx context.Context, providerID string, n NewRules) (Rules, error) {
	var out Rules
	err := s.pool.InTx(ctx, func(tx pgx.Tx) error {
		if err := s.q.LockRules(ctx, tx, providerID); err != nil {
			return err
		}
		current, err := s.q.GetRules(ctx, tx, providerID)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if out = rulesOf(current); !n.Draft && out.Document == n.Document {
			return nil
		}
		added, err := s.q.InsertRules(ctx, tx, dbsqlc.InsertRulesParams{
			ProviderID: providerID, Document: pg.NullIfEmpty(n.Document), Included: pg.NonNil(n.Included),
			Excluded: pg.NonNil(n.Excluded),
			Draft:    n.Draft, CreatedBy: pg.NullIfEmpty(n.By.Name),
		})
		if out = rulesOf(dbsqlc.GetRulesRow(added)); err != nil || n.Draft {
			return err
		}
		p, err := s.describe(ctx, tx, providerID)
		if err != nil {
			return err
		}
		action := "rules.set"
		if n.Document == "" {
			action = "rules.remove"
		}
		return p.write(ctx, tx, action, n.By, rulesOf(current).text(), out.text())
	})
	return out, pg.Interpret("set rules", err)
}

// text is the rules as the audit log has them, nil where there are none.
func (r Rules) text() json.RawMessage {
	if r.Document == "" {
		return nil
	}
	text, err := json.Marshal(struct {
		Version  int    `json:"version"`
		Document string `json:"document"`
	}{r.Version, r.Document})
	if err != nil {
		panic(err) // plain data
	}
	return text
}

// Rules returns the rules of a provider that are in force, zero if there never were any.
func (s *Store) Rules(ctx context.Context, providerID string) (Rules, error) {
	row, err := s.q.GetRules(ctx, s.pool, providerID)
	if errors.Is(err, pgx.ErrNoRows) {
		return Rules{}, nil
	}
	return rulesOf(row), pg.Interpret("read rules", err)
}

// RulesVersion returns one version of a provider's rules. It returns ErrNotFound if there is
// none of that number; version 0 is that there are no rules.
func (s *Store) RulesVersion(ctx context.Context, providerID string, version int) (Rules, error) {
	if version == 0 {
		return Rules{}, nil
	}
	row, err := s.q.GetRulesVersion(ctx, s.pool, dbsqlc.GetRulesVersionParams{
		ProviderID: providerID, Version: int32(version),
	})
	return rulesOf(dbsqlc.GetRulesRow(row)), pg.Interpret("read rules", err)
}

// RulesHistory returns the latest versions of a provider's rules, the newest first.
func (s *Store) RulesHistory(ctx context.Context, providerID string, limit int) ([]Rules, error) {
	rows, err := s.q.ListRules(ctx, s.pool, dbsqlc.ListRulesParams{ProviderID: providerID, MaxRows: int32(limit)})
	out := make([]Rules, len(rows))
	for i, row := range rows {
		out[i] = rulesOf(dbsqlc.GetRulesRow(row))
	}
	return out, pg.Interpret("list rules", err)
}

// RulesBefore returns the documents that were in force before a version.
func (s *Store) RulesBefore(ctx context.Context, providerID string, version int) ([]string, error) {
	documents, err := s.q.ListRulesBefore(ctx, s.pool, dbsqlc.ListRulesBeforeParams{
		ProviderID: providerID, Version: int32(version),
	})
	return documents, pg.Interpret("list rules", err)
}

func rulesOf(r dbsqlc.GetRulesRow) Rules {
	return Rules{
		Version: int(r.Version), Document: pg.OrZero(r.Document), Draft: r.Draft, CreatedAt: r.CreatedAt,
		CreatedBy: pg.OrZero(r.CreatedBy),
	}
}

// UnknownDepartments returns those of some departments, by external id, that no run of the
// provider ever met. Where it was never synced, nothing is known, and none is returned.
func (s *Store) UnknownDepartments(ctx context.Context, providerID string, externalIDs []string) ([]string, error) {
	unknown, err := s.q.ListUnseenDepartments(ctx, s.pool, dbsqlc.ListUnseenDepartmentsParams{
		ProviderID: &providerID, ExternalIds: externalIDs,
	})
	return unknown, pg.Interpret("look for departments", err)
}
