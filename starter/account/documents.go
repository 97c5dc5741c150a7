package account

import (
	"time"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// What these commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// Report is how a provider's people stand to accounts, as of the last run.
type Report struct {
	Provider  string `json:"provider"`
	Matched   int64  `json:"matched"`
	Unmatched int64  `json:"unmatched"`
	// WithoutKey are those of the unmatched who have no usable e-mail address and phone number.
	WithoutKey int64 `json:"without_key"`
	// Ambiguous are those whom a person must decide about, Ignored those about whom nothing
	// is to be done.
	Ambiguous int64 `json:"ambiguous"`
	Ignored   int64 `json:"ignored"`
	// Conflicts are at most 1,000 of the ambiguous and ignored, and decisions that wait for a run.
	Conflicts []Conflict `json:"conflicts"`
}

// Conflict is a person about whose account a person must decide, or has decided.
type Conflict struct {
	MemberID   string `json:"member_id"`
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	// Reason is several_accounts, several_members, keys_disagree, account_taken, former_member,
	// other_provider, other_tenant, or manual where there was none.
	Reason string `json:"reason"`
	// Candidates are the accounts in question.
	Candidates []string `json:"candidates"`
	// Decision is empty, link, create or ignore.
	Decision  string    `json:"decision,omitempty"`
	UserID    string    `json:"user_id,omitempty"`
	DecidedBy string    `json:"decided_by,omitempty"`
	FoundAt   time.Time `json:"found_at"`
}

// Decided is a decision.
type Decided struct {
	MemberID   string `json:"member_id"`
	ExternalID string `json:"external_id"`
	Decision   string `json:"decision"`
	UserID     string `json:"user_id,omitempty"`
	DecidedBy  string `json:"decided_by"`
}

func reportOf(provider string, r service.Accounts) Report {
	return Report{
		Provider: provider, Matched: r.Matched, Unmatched: r.Unmatched, WithoutKey: r.WithoutKey,
		Ambiguous: r.Ambiguous,
		Ignored:   r.Ignored, Conflicts: cli.Each(r.Conflicts,
			func(c service.AccountConflict) Conflict { return Conflict(c) }),
	}
}
