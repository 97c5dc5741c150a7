package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/rules"
)

// TryRulesInput asks what rules come to for one member.
type TryRulesInput struct {
	Provider string
	// Member is an id at the provider, or anything by which the directory knows one member.
	Member string
	// Document are the rules to be tried, nil for those in force.
	Document []byte
}

// TryRulesResult is what rules come to for one member: every input, output and error.
type TryRulesResult struct {
	Provider string
	// Version is that of the rules; 0: they are not in force.
	Version int
	// ExternalID is the member's id at the provider.
	ExternalID string
	// Fresh says that the member was read from the provider just now. Otherwise the stored
	// member was taken, for the reason that Stale gives.
	Fresh bool
	Stale string
	// Inputs are the variables that the rules refer to.
	Inputs []rules.Input
	rules.Outcome
}

// TryRules evaluates rules on one member and changes nothing.
func (s *Service) TryRules(ctx context.Context, in TryRulesInput) (TryRulesResult, error) {
	store, p, err := s.openProvider(ctx, in.Provider)
	if err != nil {
		return TryRulesResult{}, err
	}
	result := TryRulesResult{Provider: p.Name}
	document := string(in.Document)
	if in.Document == nil {
		current, err := store.Providers.Rules(ctx, p.ID)
		if err != nil {
			return result, err
		}
		if current.Document == "" {
			return result, &Error{Code: RulesNone, Args: Args{Provider: p.Name}}
		}
		document, result.Version = current.Document, current.Version
	}
	parsed, err := rules.Parse([]byte(document))
	if err != nil {
		return result, &Error{Code: RulesInvalid, Err: err}
	}
	program, err := rules.Compile(parsed)
	if err != nil {
		return result, err
	}
	m, err := s.readForRules(ctx, store, p, in.Member, &result)
	if err != nil {
		return result, err
	}
	result.ExternalID, result.Inputs, result.Outcome = m.ExternalID, program.Inputs(m), program.Evaluate(m)
	return result, nil
}

// readForRules reads a member from the provider where that is possible, else from the
// directory.
func (s *Service) readForRules(
	ctx context.Context, store *db.Store, p providers.Provider, text string, result *TryRulesResult,
) (rules.Member, error) {
	found, err := store.FindMembers(ctx, p.ID, text, MaxMatches+1)
	if err != nil {
		return rules.Member{}, err
	}
	if len(found) > 1 {
		args := Args{Field: "member", Provider: p.Name, Text: text, Matches: found}
		return rules.Member{}, &Error{Code: ObjectAmbiguous, Args: args}
	}
	ref := provider.MemberRef{ExternalID: text}
	var stored *Member
	if len(found) == 1 {
		details, err := store.Report.GetMember(ctx, found[0].ID)
		if err != nil {
			return rules.Member{}, err
		}
		stored = &details
		ref = provider.MemberRef{ExternalID: details.ExternalID, UnionID: details.UnionID, OpenID: details.OpenID}
	}
	m, in, err := s.readFresh(ctx, p, ref)
	switch {
	case err == nil:
		result.Fresh = true
	case stored != nil:
		result.Stale = err.Error()
		if m, err = storedMember(ctx, store, *stored); err != nil {
			return rules.Member{}, err
		}
		for _, place := range stored.Places {
			in = append(in, directory.Membership{DepartmentID: place.ExternalID, Leader: &place.Leader})
		}
	case errors.Is(err, errUnknownMember):
		return rules.Member{}, &Error{Code: ObjectUnknown, Args: Args{Field: "member", Provider: p.Name, Text: text}}
	default:
		return rules.Member{}, err
	}
	ids := make([]string, len(in))
	for i, m := range in {
		ids[i] = m.DepartmentID
	}
	named, err := store.NameDepartments(ctx, p.ID, "", ids)
	places := make(map[string]rules.Place, len(named))
	for id, place := range named {
		places[id] = rules.Place(place)
	}
	return rules.MemberOf(m, in, places), err
}

// errUnknownMember: the provider does not know the member.
var errUnknownMember = errors.New("the provider does not know this member")

// readFresh reads a member from the provider, with the departments that the record names.
func (s *Service) readFresh(
	ctx context.Context, p providers.Provider, ref provider.MemberRef,
) (directory.Member, []directory.Membership, error) {
	vault, err := s.openVault(ctx)
	if err != nil {
		return directory.Member{}, nil, fmt.Errorf("the provider's secrets cannot be opened: %w", err)
	}
	client, err := vault.Open(ctx, p, nil)
	if err != nil {
		return directory.Member{}, nil, &Error{Code: ProviderConfigInvalid, Err: err}
	}
	reader, ok := client.(provider.MemberReader)
	if !ok {
		return directory.Member{}, nil, errors.New("single members cannot be read with these credentials")
	}
	m, gone, err := reader.ReadMember(ctx, ref)
	if gone || provider.KindOf(err) == provider.NotFound {
		return directory.Member{}, nil, errUnknownMember
	}
	if err != nil {
		return directory.Member{}, nil, err
	}
	in := m.Memberships
	if records, ok := client.(provider.MembershipReader); ok {
		in = records.MembershipsOf(m.Raw)
	}
	return normalize.Member(m), in, nil
}

// storedMember is a member as the directory has them. What is empty there counts as sent
// empty; mapped fields are as they were mapped.
func storedMember(ctx context.Context, store *db.Store, d Member) (directory.Member, error) {
	raw, err := store.GetMemberRecord(ctx, d.ID)
	if err != nil {
		return directory.Member{}, err
	}
	status := directory.Status(d.Status)
	m := directory.Member{
		ExternalID: d.ExternalID, UnionID: d.UnionID, OpenID: d.OpenID, Raw: raw,
		Profile: directory.Profile{
			Name: &d.Name, Email: &d.Email, Phone: &d.Phone, AvatarURL: &d.AvatarURL, Title: &d.Title,
			EmployeeNo: &d.EmployeeNo, Status: &status, Activated: &d.Activated, Manager: new(string),
		},
	}
	if d.Manager != nil {
		m.Manager = &d.Manager.ExternalID
	}
	err = json.Unmarshal(d.Attributes, &m.Attributes)
	return m, err
}
