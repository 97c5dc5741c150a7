package service

import (
	"context"
	"encoding/json"

	"github.com/orgsync/orgsync/db/audit"
)

// scheduleLog is a schedule as the audit log has it. The zero value is none.
type scheduleLog struct {
	Every      string `json:"every,omitempty"`
	Offset     string `json:"offset,omitempty"`
	Jitter     string `json:"jitter,omitempty"`
	Cron       string `json:"cron,omitempty"`
	TimeZone   string `json:"time_zone,omitempty"`
	Other      string `json:"rule,omitempty"`
	OnRemovals string `json:"on_removals,omitempty"`
	Paused     bool   `json:"paused,omitempty"`
	Note       string `json:"note,omitempty"`
}

func scheduleLogOf(r Rule) scheduleLog {
	out := scheduleLog{Cron: r.Cron, TimeZone: r.TimeZone, Other: r.Other}
	if r.Every > 0 {
		out.Every, out.Offset, out.Jitter = r.Every.String(), r.Offset.String(), r.Jitter.String()
	}
	return out
}

func (l scheduleLog) text() json.RawMessage {
	if l == (scheduleLog{}) {
		return nil
	}
	text, err := json.Marshal(l)
	if err != nil {
		panic(err) // plain data
	}
	return text
}

// log is the schedule as it is now, for the audit log.
func (h handle) log(ctx context.Context) (scheduleLog, error) {
	d, err := h.Describe(ctx)
	if isMissing(err) {
		return scheduleLog{}, nil
	}
	if err != nil {
		return scheduleLog{}, h.failure("show", err)
	}
	out := scheduleLogOf(ruleOf(d.Schedule.Spec))
	out.Paused, out.Note = d.Schedule.State.Paused, d.Schedule.State.Note
	return out, nil
}

// logged changes a schedule and writes that to the audit log. A schedule may have outlived its
// provider; the entry is then for those alone who see everything.
func (s *Service) logged(ctx context.Context, of handle, by By, action string, before, after scheduleLog,
	change func(context.Context) error) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	entry := audit.Entry{By: by, Action: action, Object: "schedule/" + of.provider, Before: before.text(),
		After: after.text()}
	p, err := findProvider(ctx, store.Providers, of.provider)
	switch {
	case err == nil:
		entry.ProviderID, entry.TenantID = p.ID, textOf(p.TenantID)
	case !HasCode(err, ProviderUnknown):
		return err
	}
	return store.Audit.During(ctx, entry, change)
}
