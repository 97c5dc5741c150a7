package api

import (
	"context"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
)

// Events are how a provider tells of changes, and what became of it.
type Events struct {
	Provider       string          `json:"provider"`
	Enabled        bool            `json:"enabled"`
	Mode           *string         `json:"mode" enum:"stream,callback" doc:"How events come; null: they are off."`
	Modes          []string        `json:"modes" doc:"How they can come."`
	EnabledAt      *time.Time      `json:"enabled_at"`
	EnabledBy      *string         `json:"enabled_by"`
	ConnectedSince *time.Time      `json:"connected_since" doc:"Of a stream; null: it is not connected."`
	StreamProblem  *string         `json:"stream_problem" doc:"Why it is not."`
	LastEventAt    *time.Time      `json:"last_event_at"`
	Waiting        int64           `json:"waiting" doc:"Events that no run has followed yet."`
	OldestWaiting  *time.Time      `json:"oldest_waiting"`
	SetAside       int64           `json:"set_aside" doc:"Events given up after three tries."`
	SetAsideEvents []SetAsideEvent `json:"set_aside_events" doc:"The latest 20 of them."`
	Refused        []RefusedEvents `json:"refused" doc:"Messages that were refused, by reason."`
	WithoutEvents  []EventGap      `json:"without_events" doc:"What changes without an event; the schedule finds it."`
}

// SetAsideEvent is an event whose object could not be read.
type SetAsideEvent struct {
	Kind       string    `json:"kind" example:"contact.user.updated_v3" doc:"The provider's word."`
	ObjectType string    `json:"object_type" enum:"member,department,scope,other"`
	ExternalID string    `json:"external_id"`
	SetAsideAt time.Time `json:"set_aside_at"`
}

// RefusedEvents are messages that were refused for a reason.
type RefusedEvents struct {
	Reason string    `json:"reason" example:"signature"`
	Text   string    `json:"text" doc:"The reason in the reader's language."`
	Count  int64     `json:"count"`
	LastAt time.Time `json:"last_at"`
}

// EventGap is what changes at a provider without an event.
type EventGap struct {
	Code string `json:"code" enum:"groups,administrators,group_list,own_changes,reduced_form"`
	Text string `json:"text" doc:"In the reader's language."`
}

// EventsSet is how events are to come.
type EventsSet struct {
	Mode string `json:"mode,omitempty" enum:"stream,callback" doc:"Left out: by a stream where the provider has one."`
}

// EventsRetried is how many events are tried again.
type EventsRetried struct {
	Events int64 `json:"events"`
}

type setEventsInput struct {
	Named
	Body EventsSet
}

type eventsOutput struct{ Body Events }

type retryEventsOutput struct{ Body EventsRetried }

func (a *API) registerEvents() {
	const tag, path = "Events", "/providers/{name}/events"
	conflict := []int{http.StatusNotFound, http.StatusConflict}
	register(a, operation{id: "get-events", method: http.MethodGet, path: path, tag: tag,
		summary: "Show how a provider's events stand", errors: notFound},
		func(ctx context.Context, in *Named) (*eventsOutput, error) {
			if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
				return nil, err
			}
			shown, err := a.service.ShowEvents(ctx, in.Name)
			return &eventsOutput{eventsOf(languageIn(ctx), shown)}, err
		})
	register(a, operation{id: "set-events", method: http.MethodPut, path: path, tag: tag,
		summary: "Have a provider tell of changes as they happen", errors: notFound},
		func(ctx context.Context, in *setEventsInput) (*eventsOutput, error) {
			if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
				return nil, err
			}
			set, err := a.service.EnableEvents(ctx, in.Name, in.Body.Mode, by(ctx))
			return &eventsOutput{eventsOf(languageIn(ctx), set)}, err
		})
	register(a, operation{id: "delete-events", method: http.MethodDelete, path: path, tag: tag,
		summary: "Switch a provider's events off", errors: conflict},
		func(ctx context.Context, in *Named) (*struct{}, error) {
			if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
				return nil, err
			}
			return nil, a.service.DisableEvents(ctx, in.Name, by(ctx))
		})
	register(a, operation{id: "retry-events", method: http.MethodPost, path: path + "/retry", tag: tag,
		summary: "Try events again that were set aside", errors: conflict},
		func(ctx context.Context, in *Named) (*retryEventsOutput, error) {
			if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
				return nil, err
			}
			n, err := a.service.RetryEvents(ctx, in.Name, by(ctx))
			return &retryEventsOutput{EventsRetried{Events: n}}, err
		})
}

func eventsOf(l message.Language, e service.Events) Events {
	out := Events{
		Provider: e.Provider, Enabled: e.Enabled, Modes: append([]string{}, e.Modes...),
		ConnectedSince: e.ConnectedSince, LastEventAt: e.LastEventAt, Waiting: e.Waiting,
		OldestWaiting: e.OldestWaiting, SetAside: e.SetAside, SetAsideEvents: make([]SetAsideEvent, len(e.GivenUp)),
		Refused: make([]RefusedEvents, len(e.Refused)), WithoutEvents: make([]EventGap, len(e.Without)),
	}
	if e.Enabled {
		out.Mode, out.EnabledAt = &e.Mode, &e.EnabledAt
	}
	if e.EnabledBy != "" {
		out.EnabledBy = &e.EnabledBy
	}
	if e.StreamProblem != "" {
		out.StreamProblem = &e.StreamProblem
	}
	for i, g := range e.GivenUp {
		out.SetAsideEvents[i] = SetAsideEvent{
			Kind: g.Kind, ObjectType: g.ObjectType, ExternalID: g.ObjectID, SetAsideAt: g.At,
		}
	}
	for i, r := range e.Refused {
		out.Refused[i] = RefusedEvents{
			Reason: r.Reason, Text: l.EventRefusal(r.Reason), Count: r.Refused, LastAt: r.LastAt,
		}
	}
	for i, gap := range e.Without {
		out.WithoutEvents[i] = EventGap{Code: string(gap), Text: gap.Text(l)}
	}
	return out
}
