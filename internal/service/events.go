package service

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// Ways in which events come: to the callback address, or by a connection that a worker opens.
const (
	EventsByCallback = db.EventsByCallback
	EventsByStream   = db.EventsByStream
)

// Events say how a provider tells of changes and what became of it.
type Events struct {
	db.EventSettings
	db.EventFigures
	// Enabled is false where the provider is not to tell of changes.
	Enabled bool
	// Modes are the ways in which the provider's events can come.
	Modes []string
	// Without are the changes without an event: the schedule finds them.
	Without []EventGap
}

// EventGap names changes for which a provider sends no event.
type EventGap string

// The gaps (feishu-more.md §A3, dingtalk-more.md §A3, wecom.md §6.2, wecom-more.md §A4).
const (
	GapGroups         EventGap = "groups"
	GapAdministrators EventGap = "administrators"
	// GapGroupList are the names of groups, new groups and deleted ones.
	GapGroupList EventGap = "group_list"
	// GapOwnChanges are changes that people make to their own profile.
	GapOwnChanges EventGap = "own_changes"
	// GapReducedForm is what WeCom leaves out for a callback address saved after 2022-08-15.
	GapReducedForm EventGap = "reduced_form"
)

// EventGaps are all of them.
var EventGaps = []EventGap{GapGroups, GapAdministrators, GapGroupList, GapOwnChanges, GapReducedForm}

// Text returns the gap in words.
func (g EventGap) Text(l message.Language) string { return l.Text("event_gap."+message.Code(g), nil) }

var eventGaps = map[directory.ProviderType][]EventGap{
	directory.Feishu:   {GapGroups, GapAdministrators},
	directory.DingTalk: {GapOwnChanges},
	directory.WeCom:    {GapGroupList, GapAdministrators, GapReducedForm},
}

// EnableEvents has a provider tell of changes: by a stream where no mode is given and it has
// one. Events by callback need the keys of the callback address among its settings.
func (s *Service) EnableEvents(ctx context.Context, provider, mode string, by By) (Events, error) {
	opener, err := s.openVault(ctx)
	if err != nil {
		return Events{}, err
	}
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return Events{}, err
	}
	modes := eventModes(p.Type)
	mode = cmp.Or(mode, modes[0])
	if !slices.Contains(modes, mode) {
		return Events{}, &Error{Code: EventModeUnknown, Args: Args{Provider: p.Name, Text: mode, Allowed: modes}}
	}
	if mode == EventsByCallback {
		if _, err := opener.OpenCallback(ctx, p); err != nil {
			return Events{}, eventSettingError(p.Name, p.Type, err)
		}
	}
	if err := store.EnableEvents(ctx, p, mode, by); err != nil {
		return Events{}, err
	}
	if mode == EventsByStream {
		s.tryTemporal(ctx, p.Name, startListener)
	}
	return s.ShowEvents(ctx, provider)
}

// tryTemporal wakes or starts a workflow about events. Where that fails, a server or worker
// does it a moment later: what is to be done stands in the database.
func (s *Service) tryTemporal(ctx context.Context, name string,
	do func(context.Context, client.Client, string, string) error) {
	ctx, cancel := context.WithTimeout(ctx, signalTimeout)
	defer cancel()
	if temporal, err := s.openTemporal(ctx); err == nil {
		_ = do(ctx, temporal, s.taskQueue(), name)
	}
}

// eventSettingError says which setting keeps events from coming, and where it is to be found.
func eventSettingError(name string, vendor directory.ProviderType, err error) error {
	var wrong *provider.SettingError
	if !errors.As(err, &wrong) {
		return err
	}
	return &Error{Code: EventKeyWrong, Err: &message.Error{
		Code: message.Code("event_key." + string(vendor)),
		Args: message.Args{"Provider": name, "Key": wrong.Key, "Missing": wrong.Missing},
	}}
}

// eventModes are the ways in which events of a provider type can come.
func eventModes(t directory.ProviderType) []string {
	if t.Traits().EventStream {
		return []string{EventsByStream, EventsByCallback}
	}
	return []string{EventsByCallback}
}

// DisableEvents ends that. Events that wait are still followed.
func (s *Service) DisableEvents(ctx context.Context, provider string, by By) error {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return err
	}
	err = store.DisableEvents(ctx, p, by)
	if errors.Is(err, db.ErrNotFound) {
		return &Error{Code: EventsOff, Args: Args{Provider: p.Name}}
	}
	return err
}

// ShowEvents returns how a provider's events stand.
func (s *Service) ShowEvents(ctx context.Context, provider string) (Events, error) {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return Events{}, err
	}
	out := Events{Modes: eventModes(p.Type), Without: eventGaps[p.Type]}
	out.Provider, out.ProviderID, out.Type = p.Name, p.ID, p.Type
	all, err := store.ListEventSettings(ctx, false)
	if err != nil {
		return Events{}, err
	}
	for _, one := range all {
		if one.Provider == p.Name {
			out.EventSettings, out.Enabled = one, true
		}
	}
	out.EventFigures, err = store.GetEventFigures(ctx, p.ID)
	return out, err
}

// RetryEvents has the events of a provider tried again that were set aside, and returns how
// many those are.
func (s *Service) RetryEvents(ctx context.Context, provider string, by By) (int64, error) {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return 0, err
	}
	retried, err := store.RetryEvents(ctx, p, by)
	if err != nil {
		return 0, err
	}
	if retried == 0 {
		return 0, &Error{Code: NothingSetAside, Args: Args{Provider: p.Name}}
	}
	s.tryTemporal(ctx, p.Name, wakeFollower)
	return retried, nil
}
