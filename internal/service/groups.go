package service

import (
	"context"
	"strings"

	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/workflows"
)

// Groups and administrators as the directory holds them.
type (
	Group           = report.Group
	GroupContent    = report.GroupContent
	GroupDepartment = report.GroupDepartment
	GroupPerson     = report.GroupPerson
	Administrator   = report.Administrator
)

// ListGroups returns all groups of a provider.
func (s *Service) ListGroups(ctx context.Context, provider string) ([]Group, error) {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return nil, err
	}
	return store.Report.ListGroups(ctx, p.ID)
}

// GetGroup returns who and what belongs to the one group of a provider that a text means.
func (s *Service) GetGroup(ctx context.Context, provider, text string) (GroupContent, error) {
	if strings.TrimSpace(text) == "" {
		return GroupContent{}, &Error{Code: TextEmpty, Args: Args{Field: "group"}}
	}
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return GroupContent{}, err
	}
	found, err := store.Report.FindGroups(ctx, p.ID, text)
	switch {
	case err != nil:
		return GroupContent{}, err
	case len(found) == 0:
		return GroupContent{}, &Error{Code: ObjectUnknown, Args: Args{Field: "group", Provider: p.Name, Text: text}}
	case len(found) > 1:
		args := Args{Field: "group", Provider: p.Name, Text: text}
		for _, g := range found {
			args.Matches = append(args.Matches, Object{
				Type: "group", ID: g.ID, ExternalID: g.ExternalID, Name: g.Name, Status: "active", Path: g.Category,
			})
		}
		return GroupContent{}, &Error{Code: ObjectAmbiguous, Args: args}
	}
	return store.Report.GetGroupContent(ctx, found[0])
}

// ListAdministrators returns a provider's administrators by source.
func (s *Service) ListAdministrators(ctx context.Context, provider string) ([]Administrator, error) {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return nil, err
	}
	return store.Report.ListAdministrators(ctx, p.ID)
}

// SetAdministratorsInput names local administrators by external ids.
type SetAdministratorsInput struct {
	Provider    string
	Add, Remove []string
	// By is who does it.
	By By
}

// SetAdministrators makes members administrators by this installation's own word, and others
// none any more, by a run of its own, and waits for it.
func (s *Service) SetAdministrators(ctx context.Context, in SetAdministratorsInput) (RunResult, error) {
	started, err := s.StartSetAdministrators(ctx, in)
	if err != nil {
		return RunResult{}, err
	}
	return s.FollowRun(ctx, FollowRunInput{Execution: started})
}

// StartSetAdministrators starts the run of SetAdministrators.
func (s *Service) StartSetAdministrators(ctx context.Context, in SetAdministratorsInput) (Execution, error) {
	input := workflows.SetAdministratorsInput{
		Provider: in.Provider, Add: in.Add, Remove: in.Remove,
	}
	if problem := input.Problem(); problem != nil {
		return Execution{}, &Error{Code: InputInvalid, Err: problem}
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return Execution{}, err
	}
	p, err := activeProvider(ctx, store, in.Provider)
	if err != nil {
		return Execution{}, err
	}
	if input.Request, err = s.request(ctx, in.By); err != nil {
		return Execution{}, err
	}
	return s.start(ctx, p.Name, client.StartWorkflowOptions{}, workflows.SetAdministratorsName, input)
}
