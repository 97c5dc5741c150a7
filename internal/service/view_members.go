package service

import (
	"context"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/pages"
)

// ConflictRow is a row of the list of members about whose accounts a person must decide.
type ConflictRow = pages.Conflict

// SetSignature sets the address of a member's signature image, or clears it if that is empty.
func (v View) SetSignature(ctx context.Context, memberID, address string, by By) (Signature, error) {
	if err := checkSignature(address); err != nil {
		return Signature{}, err
	}
	store, _, err := v.member(ctx, memberID)
	if err != nil {
		return Signature{}, err
	}
	if err := store.SetSignature(ctx, memberID, address, by); err != nil {
		return Signature{}, err
	}
	return store.GetSignature(ctx, memberID)
}

// MarkMember starts a run that marks a member as having left here (TaskOffline), or takes that
// back (TaskOnline).
func (v View) MarkMember(ctx context.Context, memberID, task string, by By) (Execution, error) {
	store, m, err := v.member(ctx, memberID)
	if err != nil {
		return Execution{}, err
	}
	return v.s.startTask(ctx, store, StartTaskInput{Provider: m.ProviderName, Task: task, By: by},
		[]string{m.ExternalID})
}

// ListConflicts returns members about whose accounts a person must decide, or (decided) has
// decided; nil: both.
func (v View) ListConflicts(ctx context.Context, provider string, decided *bool,
	page Page) (Rows[ConflictRow], error) {
	store, of, err := v.bounds(ctx, provider)
	if err != nil {
		return Rows[ConflictRow]{}, err
	}
	return list(page, func(after ConflictRow, limit int) ([]ConflictRow, error) {
		return store.Pages.ListConflicts(ctx, of, decided, after, limit)
	}, func(c ConflictRow) ConflictRow { return ConflictRow{MemberID: c.MemberID} })
}

// CandidateNames returns the names of the accounts in question by their ids.
func (v View) CandidateNames(ctx context.Context, rows []ConflictRow) (map[string]string, error) {
	store, err := v.s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	members := make([]string, len(rows))
	for i, r := range rows {
		members[i] = r.MemberID
	}
	return store.Report.CandidateNames(ctx, members)
}

// GetConflict returns what is on record of a member's account.
func (v View) GetConflict(ctx context.Context, memberID string) (ConflictRow, error) {
	store, m, err := v.member(ctx, memberID)
	if err != nil {
		return ConflictRow{}, err
	}
	found, err := store.Pages.GetConflict(ctx, m.ID)
	return found, v.unlessForeign(err, ConflictUnknown, memberID, m.ProviderTenantID, found.ProviderID)
}

// DecideConflict keeps a decision about a member's account, which the provider's next run
// carries out.
func (v View) DecideConflict(ctx context.Context, memberID string, in DecideAccountInput) (ConflictRow, error) {
	user, err := in.account()
	if err != nil {
		return ConflictRow{}, err
	}
	store, m, err := v.member(ctx, memberID)
	if err != nil {
		return ConflictRow{}, err
	}
	err = store.DecideAccount(ctx, db.AccountDecision{
		ProviderID: *m.ProviderID, MemberID: m.ID, Decision: in.Decision, UserID: user, By: in.By,
	})
	if err != nil {
		return ConflictRow{}, decisionError(err)
	}
	return store.Pages.GetConflict(ctx, m.ID)
}
