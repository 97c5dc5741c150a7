package service

import (
	"context"
	"errors"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// EventsByCallback is the way in which events come.
const EventsByCallback = db.EventsByCallback

// Events say how a provider tells of changes and what became of it.
type Events struct {
	db.EventSettings
	db.EventFigures
	// Enabled is false where the provider is not to tell of changes.
	Enabled bool
	// Without names what changes at this vendor without an event: the schedule finds it.
	Without []string
}

// EnableEvents has a provider tell of changes. Its settings must have the keys that the
// callback address needs.
func (s *Service) EnableEvents(ctx context.Context, provider, mode string, by By) (Events, error) {
	if mode != EventsByCallback {
		return Events{}, &Error{Code: InputInvalid, Err: errors.New("mode must be callback")}
	}
	opener, err := s.openVault(ctx)
	if err != nil {
		return Events{}, err
	}
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return Events{}, err
	}
	if _, err := opener.OpenCallback(ctx, p); err != nil {
		return Events{}, &Error{Code: InputInvalid, Err: err}
	}
	if err := store.EnableEvents(ctx, p, mode, by); err != nil {
		return Events{}, err
	}
	return s.ShowEvents(ctx, provider)
}

// DisableEvents ends that. Events that wait are still followed.
func (s *Service) DisableEvents(ctx context.Context, provider string, by By) error {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return err
	}
	err = store.DisableEvents(ctx, p, by)
	if errors.Is(err, db.ErrNotFound) {
		return &Error{Code: NothingToDo, Err: errors.New("events of " + p.Name + " are off")}
	}
	return err
}

// ShowEvents returns how a provider's events stand.
func (s *Service) ShowEvents(ctx context.Context, provider string) (Events, error) {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return Events{}, err
	}
	out := Events{Without: withoutEvents[p.Type]}
	out.Provider, out.Type = p.Name, p.Type
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

// withoutEvents are the changes without an event (feishu-more.md §A3, dingtalk-more.md §A3,
// wecom.md §6.2).
var withoutEvents = map[directory.ProviderType][]string{
	directory.Feishu:   {"user groups", "administrators"},
	directory.DingTalk: {"roles", "administrators", "own profile changes of people"},
	directory.WeCom: {"tags", "administrators", "names, titles and leaders where the callback address was saved " +
		"after 2022-08-15"},
}
