// Package event holds the commands about what providers tell of as it happens.
package event

import (
	"context"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// Commands are those below "orgsync events".
type Commands struct {
	Enable  enableCommand  `cmd:"" help:"Have a provider tell of changes as they happen."`
	Disable disableCommand `cmd:"" help:"End that."`
	Show    showCommand    `cmd:"" help:"Show how a provider's events stand."`
}

// State is how a provider's events stand, as JSON.
type State struct {
	Provider      string     `json:"provider"`
	Enabled       bool       `json:"enabled"`
	Mode          string     `json:"mode,omitempty"`
	LastEventAt   *time.Time `json:"last_event_at"`
	Waiting       int64      `json:"waiting"`
	OldestWaiting *time.Time `json:"oldest_waiting"`
	SetAside      int64      `json:"set_aside"`
	Refused       []Refused  `json:"refused"`
	Without       []string   `json:"without_events"`
}

// Refused is how many messages were refused for a reason.
type Refused struct {
	Reason string    `json:"reason"`
	Count  int64     `json:"count"`
	LastAt time.Time `json:"last_at"`
}

func stateOf(e service.Events) State {
	s := State{
		Provider: e.Provider, Enabled: e.Enabled, Mode: e.Mode, LastEventAt: e.LastEventAt, Waiting: e.Waiting,
		OldestWaiting: e.OldestWaiting, SetAside: e.SetAside, Refused: []Refused{}, Without: e.Without,
	}
	for _, r := range e.Refused {
		s.Refused = append(s.Refused, Refused{Reason: r.Reason, Count: r.Refused, LastAt: r.LastAt})
	}
	return s
}

type enableCommand struct {
	Name string `arg:"" help:"The provider's name."`
	Mode string `enum:"callback" default:"callback" placeholder:"callback" help:"How events come: callback."`
}

// Help implements kong.HelpProvider.
func (enableCommand) Help() string {
	return `Events come to ORGSYNC_PUBLIC_URL/events/NAME of a server. The provider's configuration must have the keys: encrypt_secret and verification_secret (Feishu), callback_token_secret and callback_aes_secret (DingTalk, WeCom). Then save the address in the provider's console.

Examples:

  orgsync events enable acme`
}

// Run implements the command.
func (c enableCommand) Run(ctx context.Context, s *cli.Session) error {
	e, err := s.Service.EnableEvents(ctx, c.Name, c.Mode, cli.By())
	if err != nil {
		return err
	}
	return show(s, e)
}

type disableCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (disableCommand) Help() string {
	return `Messages to the callback address are refused from then on. Events that wait are still followed.

Examples:

  orgsync events disable acme`
}

// Run implements the command.
func (c disableCommand) Run(ctx context.Context, s *cli.Session) error {
	if err := s.Service.DisableEvents(ctx, c.Name, cli.By()); err != nil {
		return err
	}
	e, err := s.Service.ShowEvents(ctx, c.Name)
	if err != nil {
		return err
	}
	return show(s, e)
}

type showCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (showCommand) Help() string {
	return `Shows whether events are on, when the last came, how many wait, and which messages were refused, and why.

Examples:

  orgsync events show acme
  orgsync events show acme --output json`
}

// Run implements the command.
func (c showCommand) Run(ctx context.Context, s *cli.Session) error {
	e, err := s.Service.ShowEvents(ctx, c.Name)
	if err != nil {
		return err
	}
	return show(s, e)
}

func show(s *cli.Session, e service.Events) error {
	if s.JSON {
		return s.PrintJSON(stateOf(e))
	}
	if !e.Enabled {
		s.Printf("Events of %s are off.", e.Provider)
	} else {
		s.Printf("Events of %s come by %s.", e.Provider, e.Mode)
	}
	if e.LastEventAt != nil {
		s.Printf("The last came %s.", cli.Moment(*e.LastEventAt))
	}
	s.Printf("%d wait, %d were set aside.", e.Waiting, e.SetAside)
	if e.OldestWaiting != nil {
		s.Printf("The oldest has waited since %s.", cli.Moment(*e.OldestWaiting))
	}
	for _, r := range e.Refused {
		s.Printf("%d messages refused: %s, last %s.", r.Refused, r.Reason, cli.Moment(r.LastAt))
	}
	s.Printf("Without an event: %s. The schedule finds these.", strings.Join(e.Without, ", "))
	return nil
}
