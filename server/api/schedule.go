package api

import (
	"context"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
)

// Schedule is when a provider is synced.
type Schedule struct {
	Provider string         `json:"provider"`
	Every    string         `json:"every,omitempty" example:"1h0m0s"`
	Offset   string         `json:"offset,omitempty"`
	Jitter   string         `json:"jitter,omitempty"`
	Cron     string         `json:"cron,omitempty" example:"30 2 * * 1-5"`
	TimeZone string         `json:"time_zone" example:"Asia/Shanghai"`
	Other    string         `json:"rule,omitempty" doc:"What was set by other means, as Temporal says it."`
	Paused   bool           `json:"paused"`
	Note     *string        `json:"note" doc:"Why it is paused."`
	NextRuns []time.Time    `json:"next_runs"`
	LastRuns []ScheduledRun `json:"last_runs"`
}

// ScheduledRun is what a schedule started.
type ScheduledRun struct {
	StartedAt     time.Time `json:"started_at"`
	WorkflowID    string    `json:"workflow_id"`
	TemporalRunID string    `json:"temporal_run_id"`
	Outcome       string    `json:"outcome" doc:"The sync's status, skipped, running, or empty: unknown."`
}

// ScheduleSet is a schedule as it is to be: every or cron.
type ScheduleSet struct {
	Every      string  `json:"every,omitempty" minLength:"1" example:"1h" doc:"An interval, counted from midnight UTC."`
	Offset     *string `json:"offset,omitempty" minLength:"1" example:"10m" doc:"How much later; left out: by the name."`
	Jitter     *string `json:"jitter,omitempty" minLength:"1" example:"5m" doc:"Up to how much later, at random."`
	Cron       string  `json:"cron,omitempty" minLength:"1" example:"30 2 * * 1-5" doc:"Minute, hour, day, month, day of week."`
	TimeZone   string  `json:"time_zone,omitempty" minLength:"1" example:"Asia/Shanghai" doc:"Of cron; else UTC."`
	OnRemovals string  `json:"on_removals,omitempty" enum:"hold,apply,skip" default:"hold"`
	Paused     *bool   `json:"paused,omitempty" doc:"Pauses it or lets it go on; left out: as it is."`
	Note       string  `json:"note,omitempty" minLength:"1" maxLength:"500" doc:"Why it is paused."`
}

type scheduleOutput struct{ Body Schedule }

func (a *API) registerSchedule() {
	const tag, path = "Schedules", "/providers/{name}/schedule"
	register(a, operation{id: "get-schedule", method: http.MethodGet, path: path, tag: tag,
		summary: "Show a provider's schedule", errors: notFound},
		func(ctx context.Context, in *Named) (*scheduleOutput, error) {
			if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
				return nil, err
			}
			found, err := a.service.GetSchedule(ctx, in.Name)
			return &scheduleOutput{scheduleOf(found)}, err
		})
	register(a, operation{
		id: "set-schedule", method: http.MethodPut, path: path, tag: tag, summary: "Set a provider's schedule",
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.setSchedule)
	register(a, operation{id: "delete-schedule", method: http.MethodDelete, path: path, tag: tag,
		summary: "Remove a provider's schedule", errors: notFound},
		func(ctx context.Context, in *Named) (*struct{}, error) {
			if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
				return nil, err
			}
			_, err := a.service.RemoveSchedule(ctx, in.Name, by(ctx))
			return nil, err
		})
}

type setScheduleInput struct {
	Named
	Body ScheduleSet
}

func (a *API) setSchedule(ctx context.Context, in *setScheduleInput) (*scheduleOutput, error) {
	if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
		return nil, err
	}
	rule, err := in.Body.rule()
	if err != nil {
		return nil, err
	}
	set, err := a.service.SetSchedule(ctx, service.SetScheduleInput{Provider: in.Name, Rule: rule,
		OnRemovals: in.Body.OnRemovals, By: by(ctx)})
	if err != nil {
		return nil, err
	}
	found := set.Schedule
	if p := in.Body.Paused; p != nil && *p != found.Paused {
		change := a.service.ResumeSchedule
		if *p {
			change = a.service.PauseSchedule
		}
		if found, err = change(ctx, in.Name, in.Body.Note, by(ctx)); err != nil {
			return nil, err
		}
	}
	return &scheduleOutput{scheduleOf(found)}, nil
}

// rule is what is asked for.
func (s ScheduleSet) rule() (service.RuleInput, error) {
	in := service.RuleInput{Cron: s.Cron, TimeZone: s.TimeZone}
	if (s.Every == "") == (s.Cron == "") {
		return in, &refusal{http.StatusUnprocessableEntity, ruleUnclear, nil}
	}
	for _, one := range []struct {
		field, text string
		set         func(time.Duration)
	}{
		{"every", s.Every, func(d time.Duration) { in.Every = d }},
		{"offset", given(s.Offset), func(d time.Duration) { in.Offset = &d }},
		{"jitter", given(s.Jitter), func(d time.Duration) { in.Jitter = &d }},
	} {
		if one.text == "" {
			continue
		}
		d, err := config.ParseDuration(one.text)
		if err != nil {
			return in, &refusal{http.StatusUnprocessableEntity, durationInvalid, message.Args{"Field": one.field}}
		}
		one.set(d)
	}
	return in, nil
}

func given(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func scheduleOf(s service.Schedule) Schedule {
	out := Schedule{
		Provider: s.Provider, Cron: s.Rule.Cron, TimeZone: s.Rule.TimeZone, Other: s.Rule.Other, Paused: s.Paused,
		Note:     unlessEmpty(s.Note),
		NextRuns: append([]time.Time{}, s.NextRuns...), LastRuns: make([]ScheduledRun, len(s.LastRuns)),
	}
	if s.Rule.Every > 0 {
		out.Every, out.Offset, out.Jitter = s.Rule.Every.String(), s.Rule.Offset.String(), s.Rule.Jitter.String()
	}
	for i, run := range s.LastRuns {
		out.LastRuns[i] = ScheduledRun(run)
	}
	return out
}
