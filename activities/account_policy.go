package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/rules"
)

// setAccountPolicy notes on a run how its rules treat accounts, and returns that.
func (a *Runs) setAccountPolicy(ctx context.Context, runID string) (db.AccountPolicy, error) {
	stored, err := a.Store.GetRunRules(ctx, runID)
	if err != nil {
		return db.AccountPolicy{}, classify(err)
	}
	parsed := rules.Default()
	if stored.Document != "" {
		if parsed, err = rules.Parse([]byte(stored.Document)); err != nil {
			return db.AccountPolicy{}, temporal.NewNonRetryableApplicationError(fmt.Sprintf(
				"the provider's rules cannot be used: %v; set them anew", err), TypeInvalid, nil)
		}
	}
	policy := policyOf(parsed.Accounts)
	return policy, classify(a.Store.SetAccountPolicy(ctx, runID, policy))
}

// policyOf is how the engine is told of a provider's account rules.
func policyOf(accounts rules.Accounts) db.AccountPolicy {
	policy := db.AccountPolicy{
		Never: accounts.Policy == rules.PolicyNone, Create: accounts.Policy == rules.PolicyLinkOrCreate,
		KeepContact: !accounts.FollowContact, Unlink: accounts.OnLeave == rules.LeaveUnlink,
	}
	for _, key := range accounts.Match {
		policy.Match = append(policy.Match, string(key))
	}
	return policy
}
