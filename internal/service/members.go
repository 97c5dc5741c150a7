package service

import (
	"context"
	"strings"

	"github.com/orgsync/orgsync/db/report"
)

// Member is everything known of one member.
type (
	Member        = report.MemberDetails
	MemberPlace   = report.MemberPlace
	MemberManager = report.MemberManager
	MemberGroup   = report.MemberGroup
	MemberAccount = report.MemberAccount
)

// ShowMember returns everything known of the one member of a provider that a text means,
// deleted ones among them.
func (s *Service) ShowMember(ctx context.Context, provider, text string) (Member, error) {
	if strings.TrimSpace(text) == "" {
		return Member{}, &Error{Code: TextEmpty, Args: Args{Field: "member"}}
	}
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return Member{}, err
	}
	found, err := store.FindMembers(ctx, p.ID, text, MaxMatches+1)
	switch {
	case err != nil:
		return Member{}, err
	case len(found) == 0:
		return Member{}, &Error{Code: ObjectUnknown, Args: Args{Field: "member", Provider: p.Name, Text: text}}
	case len(found) > 1:
		args := Args{Field: "member", Provider: p.Name, Text: text, Matches: found}
		return Member{}, &Error{Code: ObjectAmbiguous, Args: args}
	}
	return store.Report.GetMember(ctx, found[0].ID)
}
