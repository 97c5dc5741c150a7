package api

import (
	"context"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// Conflict is a member about whose account a person must decide, or has decided.
type Conflict struct {
	MemberID   string     `json:"member_id" format:"uuid"`
	ProviderID string     `json:"provider_id" format:"uuid"`
	Provider   string     `json:"provider"`
	ExternalID string     `json:"external_id"`
	Name       string     `json:"name"`
	Reason     string     `json:"reason" example:"several_accounts" doc:"Why nothing is done by itself."`
	Candidates []string   `json:"candidates" doc:"The accounts in question: users.id."`
	Decision   *string    `json:"decision" enum:"link,create,ignore,unlink" doc:"Null: none yet. The next run carries it out."`
	UserID     *string    `json:"user_id" format:"uuid" doc:"The account to link to."`
	DecidedBy  *string    `json:"decided_by"`
	DecidedAt  *time.Time `json:"decided_at"`
	FoundAt    time.Time  `json:"found_at"`
}

func conflictOf(c service.ConflictRow) Conflict {
	return Conflict{
		MemberID: c.MemberID, ProviderID: c.ProviderID, Provider: c.ProviderName, ExternalID: c.ExternalID,
		Name:   c.Name,
		Reason: c.Reason, Candidates: append([]string{}, c.Candidates...), Decision: c.Decision, UserID: c.UserID,
		DecidedBy: c.DecidedBy, DecidedAt: c.DecidedAt, FoundAt: c.FoundAt,
	}
}

// AccountDecision is what is to be done about a member's account.
type AccountDecision struct {
	Decision string `json:"decision" enum:"link,create,ignore,unlink"`
	UserID   string `json:"user_id,omitempty" format:"uuid" doc:"The account to link to; goes with link alone."`
}

type listConflictsInput struct {
	Paged
	Provider string `query:"provider" maxLength:"100" doc:"Of this provider alone."`
	Decided  string `query:"decided" enum:"true,false" doc:"true: decided, but not carried out yet; false: undecided."`
}

// OfConflict is the input that names the member of a conflict.
type OfConflict struct {
	Member string `path:"member" format:"uuid" doc:"The member's id."`
}

type decideConflictInput struct {
	OfConflict
	Body AccountDecision
}

type conflictOutput struct{ Body Conflict }

func (a *API) registerAccounts() {
	const tag, path = "Accounts", "/accounts/conflicts/{member}"
	registerList(a, operation{id: "list-account-conflicts", method: http.MethodGet, path: "/accounts/conflicts",
		tag:     tag,
		summary: "List members about whose account a person must decide", errors: notFound},
		func(ctx context.Context, in *listConflictsInput, page service.Page) (List[Conflict], string, error) {
			var decided *bool
			if in.Decided != "" {
				is := in.Decided == "true"
				decided = &is
			}
			rows, err := a.view(ctx).ListConflicts(ctx, in.Provider, decided, page)
			return listOf(rows, conflictOf), "", err
		})
	register(a, operation{id: "get-account-conflict", method: http.MethodGet, path: path, tag: tag,
		summary: "Show what is to be decided about a member's account", errors: notFound},
		func(ctx context.Context, in *OfConflict) (*conflictOutput, error) {
			found, err := a.view(ctx).GetConflict(ctx, in.Member)
			return &conflictOutput{conflictOf(found)}, err
		})
	register(a, operation{id: "decide-account-conflict", method: http.MethodPut, path: path, tag: tag,
		summary: "Decide about a member's account; the provider's next run carries it out", errors: conflicting},
		func(ctx context.Context, in *decideConflictInput) (*conflictOutput, error) {
			found, err := a.view(ctx).DecideConflict(ctx, in.Member, service.DecideAccountInput{
				Decision: in.Body.Decision, User: in.Body.UserID, By: by(ctx),
			})
			return &conflictOutput{conflictOf(found)}, err
		})
}
