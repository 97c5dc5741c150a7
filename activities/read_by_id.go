package activities

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// ReadMembersByID reads the single people that a run is limited to into staging, each as a
// listing of their own. A member who cannot be read is recorded as failed and the others go
// on; if some may be read later the activity fails at its end, and the next attempt
// asks only for those. The provider's last failure is noted and fails nothing more.
func (a *Reader) ReadMembersByID(ctx context.Context, in RunInput) error {
	var failed failures
	err := limitAttempts(ctx, a.readMembersByID(ctx, in, &failed), triesOfRun)
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || !application.NonRetryable() || EndsRun(err) {
		return err
	}
	for member, reason := range failed.failed {
		if err := a.Store.AddRunError(ctx, in.RunID, "member", member, messageOf(reason)); err != nil {
			return classify(err)
		}
	}
	return nil
}

func (a *Reader) readMembersByID(ctx context.Context, in RunInput, failed *failures) (err error) {
	defer heartbeat(ctx)()
	r, err := a.open(ctx, in.RunID, "members")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	reader, ok := r.client.(provider.MemberReader)
	if !ok {
		return refuse(TypeInvalid, message.MembersByIDImpossible, message.Args{"Provider": r.provider.Name})
	}
	run, err := r.rules()
	if err != nil {
		return err
	}
	if run.Scope.Limited() { // members of a new department are in scope by where that stands
		if err := r.stageSingleDepartments(ctx); err != nil {
			return err
		}
	}
	pending, err := a.Store.ListPendingMemberIDs(ctx, in.RunID)
	if err != nil {
		return err
	}
	p := memberReader{providerSession: r, reader: reader, opener: a.Opener, sees: map[string]bool{}}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallelCalls)
	for _, id := range pending {
		group.Go(func() error {
			err := p.read(groupCtx, id)
			switch {
			case err == nil:
				return nil
			case concernsRun(groupCtx, err):
				return err
			case !provider.KindOf(err).Retryable():
				return r.store.AddRunError(groupCtx, r.runID, "member", id, messageOf(err))
			}
			failed.add(id, err)
			if failed.len() >= parallelCalls {
				return err // it is the provider, and waiting helps more than asking on
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return failed.last()
}

// memberReader reads single members of one run. It is safe for concurrent use.
type memberReader struct {
	*providerSession
	reader provider.MemberReader
	opener *clients.Opener

	mu   sync.Mutex
	sees map[string]bool
}

// read reads one person into staging. One whom the provider itself calls gone is
// staged as deleted, by the ids that the directory knows them by.
func (p *memberReader) read(ctx context.Context, id string) error {
	stored, err := p.store.FindStoredMembers(ctx, p.provider, id)
	if err != nil {
		return err
	}
	there := slices.DeleteFunc(slices.Clone(stored), func(s db.StoredMember) bool { return s.Deleted })
	ref := provider.MemberRef{ExternalID: id}
	if len(there) == 1 {
		ref = provider.MemberRef{ExternalID: there[0].ExternalID, UnionID: there[0].UnionID, OpenID: there[0].OpenID}
	}
	person, gone, err := p.reader.ReadMember(ctx, ref)
	switch {
	case err != nil:
		return err
	case !gone:
		facts, err := p.opener.LoginFacts(ctx, p.store.Logins, p.provider, person.ExternalID)
		if err != nil {
			return err
		}
		person.Fill(person.ExternalID, facts)
		if person.Memberships, err = p.memberships(ctx, person); err != nil {
			return err
		}
	case len(there) > 1:
		return p.recordError(ctx, "member", id,
			"the provider no longer knows this member, but the directory has several people with this id; run a "+
				"full sync")
	case len(stored) > 0:
		left := directory.Deleted
		person = directory.Member{ExternalID: stored[0].ExternalID, UnionID: stored[0].UnionID,
			OpenID: stored[0].OpenID, Profile: directory.Profile{Status: &left}}
	default:
		// An event of a member who came and went asks for nothing.
		if done, err := p.store.FinishMemberEvents(ctx, p.runID, id); err != nil || done {
			return err
		}
		return p.recordError(ctx, "member", id,
			message.English.Text(message.MemberUnknown, message.Args{"Provider": p.provider.Name}))
	}
	return p.stageByID(ctx, id, person)
}

// stageByID stages a member who was read alone, as a listing of that name.
func (r *providerSession) stageByID(ctx context.Context, listing string, person directory.Member) error {
	members := r.stagedMembers([]directory.Member{person})
	if _, err := r.applyRules(ctx, members); err != nil {
		return err
	}
	_, err := r.store.StageMembers(ctx, db.MemberPage{
		Page: db.Page{RunID: r.runID, Listing: listing}, People: members,
	})
	return err
}

func (p *memberReader) recordError(ctx context.Context, kind, id, message string) error {
	return p.store.AddRunError(ctx, p.runID, kind, id, message)
}

// memberships are those that the person's record names and, as far as it cannot speak of
// them, those where the directory has the person: in departments out of sight, or
// everywhere if the record says nothing of departments at all.
func (p *memberReader) memberships(ctx context.Context, person directory.Member) ([]directory.Membership, error) {
	places := person.Memberships
	if places == nil {
		if err := p.recordError(ctx, "warning", person.ExternalID, "member "+person.ExternalID+
			": the provider does not say which departments they are in, so their departments stay as they are; run "+
			"a full sync to correct them"); err != nil {
			return nil, err
		}
	}
	if err := p.warnOfUnknown(ctx, person); err != nil {
		return nil, err
	}
	stored, err := p.store.ListMemberDepartments(ctx, p.provider, person.ExternalID, person.UnionID)
	if err != nil {
		return nil, err
	}
	for _, department := range stored {
		if slices.ContainsFunc(places, func(m directory.Membership) bool { return m.DepartmentID == department }) {
			continue
		}
		said := false
		if person.Memberships != nil {
			if said, err = p.seesDepartment(ctx, department); err != nil {
				return nil, err
			}
		}
		if !said {
			places = append(places, directory.Membership{DepartmentID: department})
		}
	}
	return places, nil
}

// warnOfUnknown tells of departments that only a sync which reads the tree can add.
func (p *memberReader) warnOfUnknown(ctx context.Context, person directory.Member) error {
	named := make([]string, len(person.Memberships))
	for i, m := range person.Memberships {
		named[i] = m.DepartmentID
	}
	unknown, err := p.store.ListUnknownDepartments(ctx, p.provider, named)
	if err != nil || len(unknown) == 0 {
		return err
	}
	return p.recordError(ctx, "warning", person.ExternalID,
		"member "+person.ExternalID+" is also in departments that the directory does not have: "+
			strings.Join(unknown, ", ")+"; run a full sync if they are in the visible range")
}

// seesDepartment asks once a department.
func (p *memberReader) seesDepartment(ctx context.Context, department string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sees, known := p.sees[department]; known {
		return sees, nil
	}
	sees, err := p.reader.SeesDepartment(ctx, department)
	if err == nil {
		p.sees[department] = sees
	}
	return sees, err
}
