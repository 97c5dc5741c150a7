package service

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/rules"
	"github.com/orgsync/orgsync/workflows"
)

// What a run does that reads nothing.
const (
	TaskAccounts = workflows.TaskAccounts
	TaskOffline  = workflows.TaskOffline
	TaskOnline   = workflows.TaskOnline
)

// StartTaskInput asks for a run that reads nothing. Provider and Task are required.
type StartTaskInput struct {
	Provider string
	Task     string
	// Mode is ModeApply (default) or ModePlan.
	Mode string
	// Members limits the run: each is what one member is known by.
	Members []string
	// By is who starts it.
	By By
}

// StartTask starts a run that links members to accounts, or marks members.
func (s *Service) StartTask(ctx context.Context, in StartTaskInput) (Execution, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return Execution{}, err
	}
	var members []string
	for _, text := range in.Members {
		member, err := s.ShowMember(ctx, in.Provider, text)
		if err != nil {
			return Execution{}, err
		}
		members = append(members, member.ExternalID)
	}
	return s.startTask(ctx, store, in, members)
}

// startTask starts a run for members by their external ids.
func (s *Service) startTask(ctx context.Context, store *db.Store, in StartTaskInput,
	members []string) (Execution, error) {
	p, err := activeProvider(ctx, store, in.Provider)
	if err != nil {
		return Execution{}, err
	}
	if in.Task == TaskAccounts {
		if err := accountsAreOn(ctx, store, p); err != nil {
			return Execution{}, err
		}
	}
	input := workflows.TaskInput{
		Provider: p.Name, Task: in.Task, Mode: in.Mode, Members: members,
	}
	if problem := input.Normalize(); problem != nil {
		return Execution{}, &Error{Code: InputInvalid, Err: problem}
	}
	if input.Request, err = s.request(ctx, in.By); err != nil {
		return Execution{}, err
	}
	return s.start(ctx, p.Name, client.StartWorkflowOptions{}, workflows.TaskRunName, input)
}

// accountsAreOn returns AccountsOff where the provider's rules leave accounts alone.
func accountsAreOn(ctx context.Context, store *db.Store, p providers.Provider) error {
	current, err := store.Providers.Rules(ctx, p.ID)
	if err != nil || current.Document == "" {
		return err
	}
	parsed, err := rules.Parse([]byte(current.Document))
	if err != nil {
		return &Error{Code: RulesInvalid, Err: err}
	}
	if parsed.Accounts.Policy == rules.PolicyNone {
		return &Error{Code: AccountsOff, Args: Args{Provider: p.Name}}
	}
	return nil
}

// Accounts are how a provider's members stand to the platform's accounts.
type (
	Accounts        = db.AccountReport
	AccountConflict = db.AccountConflict
)

// maxConflicts is how many conflicts a report lists.
const maxConflicts = 1000

// ReportAccounts returns how a provider's members stand to accounts, as of the last run, and the
// names of the accounts in question by their ids.
func (s *Service) ReportAccounts(ctx context.Context, provider string) (Accounts, map[string]string, error) {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return Accounts{}, nil, err
	}
	out, err := store.ReportAccounts(ctx, p.ID, maxConflicts)
	if err != nil {
		return out, nil, err
	}
	members := make([]string, len(out.Conflicts))
	for i, c := range out.Conflicts {
		members[i] = c.MemberID
	}
	names, err := store.Report.CandidateNames(ctx, members)
	return out, names, err
}

// DecideAccountInput is a decision about a member's account.
type DecideAccountInput struct {
	Provider string
	// Member is what the member is known by.
	Member string
	// Decision is "link", "create" or "ignore" of a member without an account, "unlink" of one
	// with an account; User is the account to link to.
	Decision, User string
	By             By
}

// account returns the account to link to, empty where the decision is another one.
func (in DecideAccountInput) account() (string, error) {
	user := strings.ToLower(strings.TrimSpace(in.User))
	switch {
	case in.Decision == "link" && uuid.Validate(user) != nil:
		return "", &Error{Code: InputInvalid, Err: &message.Error{Code: message.AccountIDWrong}}
	case in.Decision != "link" && user != "":
		return "", &Error{Code: InputInvalid, Err: &message.Error{Code: message.AccountIDUnneeded}}
	}
	return user, nil
}

// decisionError is the error for a decision that cannot be carried out.
func decisionError(err error) error {
	for refused, code := range map[error]message.Code{
		db.ErrLinked: message.AccountLinked, db.ErrUnlinked: message.AccountUnlinked,
		db.ErrLeft: message.AccountMemberLeft, db.ErrNoAccount: message.AccountUnknown,
		db.ErrAccountTaken: message.AccountTaken,
	} {
		if errors.Is(err, refused) {
			return &Error{Code: NotPossible, Err: &message.Error{Code: code}}
		}
	}
	return err
}

// DecideAccount keeps a decision, which the provider's next run carries out, and returns the
// member that it is about.
func (s *Service) DecideAccount(ctx context.Context, in DecideAccountInput) (Member, error) {
	user, err := in.account()
	if err != nil {
		return Member{}, err
	}
	member, err := s.ShowMember(ctx, in.Provider, in.Member)
	if err != nil {
		return Member{}, err
	}
	store, p, err := s.openProvider(ctx, in.Provider)
	if err != nil {
		return Member{}, err
	}
	return member, decisionError(store.DecideAccount(ctx, db.AccountDecision{
		ProviderID: p.ID, MemberID: member.ID, Decision: in.Decision, UserID: user, By: in.By,
	}))
}
