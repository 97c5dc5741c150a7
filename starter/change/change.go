// Package change holds the command that follows the change feed.
package change

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// Command is "orgsync changes".
type Command struct {
	After    string   `placeholder:"CURSOR|now" help:"Where to begin: behind an event's cursor, or with what comes from now on. By default with the oldest that is kept."`
	Follow   bool     `short:"f" help:"Go on as changes come, until interrupted."`
	Provider string   `placeholder:"NAME" help:"Of this provider alone."`
	Types    []string `placeholder:"TYPE,TYPE" help:"Of these types alone, such as member.moved or member.*."`
	Raw      bool     `help:"Add the provider's records."`
}

// Help implements kong.HelpProvider.
func (Command) Help() string {
	return `What runs changed, in one order without gaps, told when a run is held, ends or is undone. Where standard
output is no terminal, each event is a JSON document on a line of its own. Take in an object by its id and keep
the cursor: whoever goes on behind it misses nothing. What is printed is personal data.

Examples:

  orgsync changes --after now --follow
  orgsync changes --provider acme --types 'member.*'`
}

// Event is one event of the change feed.
type Event struct {
	Cursor   string    `json:"cursor"`
	Type     string    `json:"type"`
	Time     time.Time `json:"time"`
	Provider string    `json:"provider"`
	Run      *string   `json:"run,omitempty"`
	// Object is the object as it is now, Previous the changed columns as they were.
	Object   json.RawMessage `json:"object"`
	Previous json.RawMessage `json:"previous"`
}

// Page is a part of the change feed.
type Page struct {
	Items []Event `json:"items"`
	// Next is where to go on.
	Next string `json:"next"`
}

const (
	// pageSize is how many events are read at a time, patience how long one call waits for more.
	pageSize = 1000
	patience = 30 * time.Second
)

// Run implements the command.
func (c Command) Run(ctx context.Context, s *cli.Session) error {
	if c.Follow && s.JSON {
		return cli.UsageError("--output json is one document; leave it out with --follow: each event is a line then")
	}
	role := access.Operator
	if c.Raw {
		role = access.Admin
	}
	view := s.Service.ViewFor(access.Caller{Role: role})
	in := service.ReadChangesInput{After: c.After, Limit: pageSize, Provider: c.Provider, Types: c.Types}
	all := Page{Items: []Event{}}
	people := s.Screen().Terminal
	for {
		read, err := view.ReadChanges(ctx, in)
		if err != nil {
			return err
		}
		for _, e := range read.Events {
			event := Event(e.Document())
			switch {
			case s.JSON:
				all.Items = append(all.Items, event)
			case people:
				s.Printf("%s", event.line())
			default:
				if err := json.NewEncoder(s.Stdout).Encode(event); err != nil {
					return err
				}
			}
		}
		in.After = read.Next
		if !read.More && !c.Follow {
			break
		}
		if in.Wait = 0; !read.More {
			in.Wait = patience
		}
	}
	if s.JSON {
		all.Next = in.After
		return s.PrintJSON(all)
	}
	return nil
}

// line is an event for people: what it is about, and the names of the columns that changed.
func (e Event) line() string {
	var object struct{ ID, Name string }
	_ = json.Unmarshal(e.Object, &object)
	if object.Name == "" {
		object.Name = object.ID
	}
	text := e.Time.Local().Format(time.TimeOnly) + "  " + e.Provider + "  " + e.Type + "  " + cli.Plain(object.Name)
	if string(e.Previous) != "{}" {
		text += "  was " + cli.Plain(string(e.Previous))
	}
	return text + "  [" + e.Cursor + "]"
}
