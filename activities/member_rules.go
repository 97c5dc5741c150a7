package activities

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/rules"
	"github.com/orgsync/orgsync/internal/translit"
)

// runRules are the rules that a run goes by.
type runRules struct {
	rules.Rules
	// version is 0 if the provider never had any rules.
	version int
	program *rules.Program
	// retired are the targets that earlier rules mapped and these do not.
	retired []string
	// onCreate says that a mapping needs to know who is new.
	onCreate bool

	mu sync.Mutex
	// places are the departments that were asked for so far, sides on which side of the scope they are.
	places map[string]rules.Place
	sides  map[string]scopeSide
}

// loadRules reads the rules that the run goes by. A document was checked when it was stored,
// so one that is wrong now is of another release.
func (r *providerSession) loadRules(ctx context.Context) (*runRules, error) {
	stored, err := r.store.GetRunRules(ctx, r.runID)
	if err != nil {
		return nil, err
	}
	out := &runRules{Rules: rules.Default(), version: stored.Version, places: map[string]rules.Place{},
		sides: map[string]scopeSide{}}
	if stored.Document != "" {
		if out.Rules, err = rules.Parse([]byte(stored.Document)); err != nil {
			return nil, r.unreadable(stored.Version, err)
		}
	}
	if out.program, err = rules.Compile(out.Rules); err != nil {
		return nil, r.unreadable(stored.Version, err)
	}
	mapped := map[string]bool{}
	for _, m := range out.Mappings {
		mapped[m.Target] = true
		out.onCreate = out.onCreate || m.OnCreate
	}
	for _, document := range stored.Earlier {
		earlier, err := rules.Parse([]byte(document))
		if err != nil {
			continue // what it mapped is not known any more, and stays
		}
		for _, m := range earlier.Mappings {
			if !mapped[m.Target] {
				mapped[m.Target] = true
				out.retired = append(out.retired, m.Target)
			}
		}
	}
	return out, nil
}

// applyRules makes of members what the run's rules say: it maps their fields and marks those
// who are out of scope. Where a rule fails on a member, the field or the scope stays as it
// is; failed reports that, for then the listing must be compared the next time, too.
func (r *providerSession) applyRules(ctx context.Context, members []db.StagedMember) (failed bool, err error) {
	run, err := r.rules()
	if err != nil {
		return false, err
	}
	if r.provider.Type.Traits().DetailsByLookup && !run.Scope.Details {
		for i := range members {
			members[i].Manager = nil // one who was looked up for another reason would keep it for ever
		}
	}
	if run.version == 0 || len(members) == 0 {
		return false, nil
	}
	seen, err := r.seenByRules(ctx, run, members)
	if err != nil {
		return false, err
	}
	outcomes, undecided := make([]rules.Outcome, len(members)), false
	for i := range members {
		outcomes[i] = run.program.Evaluate(seen[i])
		undecided = undecided || outcomes[i].ScopeError != nil
		if err := run.mixHash(&members[i], seen[i]); err != nil {
			return false, err
		}
	}
	stored := make([]db.StoredState, len(members))
	if undecided || run.onCreate || run.Scope.Limited() {
		if stored, err = r.store.GetStoredStates(ctx, r.provider, members); err != nil {
			return false, err
		}
	}
	var failures []db.RuleFailure
	for i := range members {
		if members[i].Status == nil || *members[i].Status != directory.Deleted {
			failures = append(failures, run.apply(&members[i], outcomes[i], stored[i])...)
		}
	}
	if err := r.leaveOutDepartments(ctx, run, members, stored); err != nil {
		return false, err
	}
	return len(failures) > 0, r.store.RecordRuleFailures(ctx, r.runID, failures)
}

// apply applies what the rules come to for one member.
func (run *runRules) apply(m *db.StagedMember, o rules.Outcome, stored db.StoredState) (failures []db.RuleFailure) {
	fail := func(format string, args ...any) {
		failures = append(failures, db.RuleFailure{ExternalID: m.ExternalID, Message: fmt.Sprintf(format, args...)})
	}
	m.OutOfScope = !o.InScope
	if o.ScopeError != nil {
		m.OutOfScope = !stored.There
		fail("the rule scope.members failed: %s; whether the member belongs in the directory stays as it was",
			o.ScopeError)
	}
	name := m.Name
	for _, target := range run.retired {
		rules.Clear(&m.Profile, target)
	}
	for _, field := range o.Fields {
		switch {
		case field.Err != nil:
			rules.Keep(&m.Profile, field.Target)
			fail("the rule for %s failed: %s; the stored value stays", field.Target, field.Err)
		case field.OnCreate && stored.Known:
			rules.Keep(&m.Profile, field.Target)
		default:
			field.Set(&m.Profile)
		}
	}
	if m.Name != name {
		transliterate(m)
	}
	return failures
}

// mixHash puts into a member's hash what else decides what the rules make of the record, so
// that other rules, or another place of a department that they look at, reach a listing in
// which nothing has changed.
func (run *runRules) mixHash(m *db.StagedMember, seen rules.Member) error {
	mixed := append(m.Hash[:], strconv.Itoa(run.version)...)
	if run.program.Uses("departments") {
		departments, err := json.Marshal(seen.Departments)
		if err != nil {
			return fmt.Errorf("hash departments: %w", err)
		}
		mixed = append(mixed, departments...)
	}
	hash := sha256.Sum256(mixed)
	m.Hash = db.RecordHash(hash[:])
	return nil
}

// seenByRules returns members as expressions see them.
func (r *providerSession) seenByRules(ctx context.Context, run *runRules,
	members []db.StagedMember) ([]rules.Member, error) {
	seen := make([]rules.Member, len(members))
	in := make([][]directory.Membership, len(members))
	records, ok := r.client.(provider.MembershipReader)
	if run.program.Uses("departments") && ok {
		for i, m := range members {
			in[i] = records.MembershipsOf(m.Raw)
		}
		if err := r.findPlaces(ctx, run, in); err != nil {
			return nil, err
		}
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	for i, m := range members {
		seen[i] = rules.MemberOf(m.Member, in[i], run.places)
	}
	return seen, nil
}

// findPlaces asks where departments stand that were not asked for so far.
func (r *providerSession) findPlaces(ctx context.Context, run *runRules, in [][]directory.Membership) error {
	run.mu.Lock()
	defer run.mu.Unlock()
	var unknown []string
	for _, memberships := range in {
		for _, m := range memberships {
			if _, known := run.places[m.DepartmentID]; !known && !slices.Contains(unknown, m.DepartmentID) {
				unknown = append(unknown, m.DepartmentID)
			}
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	named, err := r.store.NameDepartments(ctx, r.provider.ID, r.runID, unknown)
	for id, place := range named {
		run.places[id] = rules.Place(place)
	}
	return err
}

// transliterate writes a member's name, or what stands for it, in Latin letters.
func transliterate(m *db.StagedMember) {
	shown := m.ExternalID
	if m.Name != nil && *m.Name != "" {
		shown = *m.Name
	}
	m.TranslitFull, m.TranslitInitial = translit.Full(shown), translit.Initials(shown)
}

// unreadable is the error for stored rules that are wrong for this release.
func (r *providerSession) unreadable(version int, err error) error {
	return refuse(TypeInvalid, message.RulesUnreadable, message.Args{
		"Provider": r.provider.Name, "Version": version, "Problem": err.Error(),
	})
}
