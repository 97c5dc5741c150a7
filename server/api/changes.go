package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/service"
)

// ChangeEvent is one event of the change feed.
type ChangeEvent struct {
	Cursor   string          `json:"cursor" doc:"Its position; give it as after to go on behind it."`
	Type     string          `json:"type" example:"member.moved"`
	Time     time.Time       `json:"time" doc:"When it was written."`
	Provider string          `json:"provider" example:"acme"`
	Run      *string         `json:"run" format:"uuid" doc:"The run that did it; null where a provider was removed."`
	Object   json.RawMessage `json:"object" doc:"The object as it is now, with id; raw_data for administrators alone."`
	Previous json.RawMessage `json:"previous" doc:"The columns that changed, as they were."`
}

// Changes is a part of the change feed.
type Changes struct {
	Items []ChangeEvent `json:"items"`
	Next  string        `json:"next" doc:"Keep it, and give it as after; it goes on also where there was nothing."`
}

type changesInput struct {
	After    string   `query:"after" maxLength:"200" doc:"A cursor, or now; left out: the oldest that is kept."`
	Limit    int      `query:"limit" minimum:"1" maximum:"200" doc:"How many events at most: 50 if left out."`
	Wait     string   `query:"wait" maxLength:"20" doc:"How long to wait where there is nothing yet: up to 1m."`
	Provider string   `query:"provider" maxLength:"100" doc:"Of this provider alone."`
	Types    []string `query:"types" doc:"Types such as member.moved or member.*, separated by commas."`
}

type changesOutput struct{ Body Changes }

func (a *API) registerChanges() {
	register(a, operation{
		id: "list-changes", method: http.MethodGet, path: "/changes", tag: "Changes", slow: true,
		summary: "Follow what changes in the directory, in order",
		errors:  []int{http.StatusNotFound, http.StatusGone},
	}, a.listChanges)
}

func (a *API) listChanges(ctx context.Context, in *changesInput) (*changesOutput, error) {
	wanted := service.ReadChangesInput{
		After: in.After, Limit: Paged{Limit: in.Limit}.page().Limit, Provider: in.Provider, Types: in.Types,
	}
	if in.Wait != "" {
		wait, err := config.ParseDuration(in.Wait)
		if err != nil || wait < 0 || wait > service.MaxChangesWait {
			return nil, &service.Error{Code: service.WaitInvalid, Args: service.Args{Limit: service.MaxChangesWait}}
		}
		wanted.Wait = wait
	}
	read, err := a.view(ctx).ReadChanges(ctx, wanted)
	if err != nil {
		return nil, err
	}
	out := &changesOutput{Changes{Items: make([]ChangeEvent, len(read.Events)), Next: read.Next}}
	for i, e := range read.Events {
		out.Body.Items[i] = ChangeEvent(e.Document())
	}
	return out, nil
}
