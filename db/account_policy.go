package db

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// AccountPolicy is how a run treats members' accounts. The zero value links by e-mail and
// then by phone, lets accounts follow their members, and keeps the links of who left.
type AccountPolicy struct {
	// Never says that nothing is done about accounts.
	Never bool `json:"never,omitempty"`
	// Create says that members whose keys no account has get one.
	Create bool `json:"create,omitempty"`
	// Match are the keys by which accounts are found, in this order: "email", "phone".
	Match []string `json:"match,omitempty"`
	// KeepContact says that accounts do not follow their members' addresses.
	KeepContact bool `json:"keep_contact,omitempty"`
	// Unlink says that members who leave lose their link.
	Unlink bool `json:"unlink,omitempty"`
}

// SetAccountPolicy notes how a run treats accounts, for all that the run does.
func (s *Store) SetAccountPolicy(ctx context.Context, runID string, policy AccountPolicy) error {
	body, err := json.Marshal(policy)
	if err != nil {
		return fmt.Errorf("note account policy: %w", err)
	}
	return pg.Interpret("note account policy", s.q.SetAccountPolicy(ctx, s.pool, dbsqlc.SetAccountPolicyParams{
		Policy: body, ID: runID,
	}))
}

// policyOf is the policy that a run goes by.
func policyOf(run dbsqlc.HoldFenceRow) (AccountPolicy, error) {
	var policy AccountPolicy
	if run.AccountPolicy != nil {
		if err := json.Unmarshal(run.AccountPolicy, &policy); err != nil {
			return policy, fmt.Errorf("read account policy: %w", err)
		}
	}
	if policy.Match == nil {
		policy.Match = []string{"email", "phone"}
	}
	return policy, nil
}
