// Package event holds the commands about what providers tell of as it happens.
package event

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// Commands are those below "orgsync events".
type Commands struct {
	Enable  enableCommand  `cmd:"" help:"Have a provider tell of changes as they happen."`
	Disable disableCommand `cmd:"" help:"End that."`
	Show    showCommand    `cmd:"" help:"Show how a provider's events stand."`
	Retry   retryCommand   `cmd:"" help:"Try events again that were set aside."`
}

type enableCommand struct {
	Name string `arg:"" help:"The provider's name."`
	Mode string `enum:"auto,stream,callback" default:"auto" placeholder:"stream|callback" help:"How events come. Left out: by a stream where the provider has one, else by callback."`
}

// Help implements kong.HelpProvider.
func (enableCommand) Help() string {
	return `By a stream (Feishu, DingTalk) a worker connects to the provider: it needs no public address and no keys.
Choose the long connection or Stream mode in the provider's console once "orgsync events show" says that it is
connected.

By callback events come to ORGSYNC_PUBLIC_URL/events/NAME of a server. The provider's configuration must have the
keys: encrypt_secret and verification_secret (Feishu), callback_token_secret and callback_aes_secret (DingTalk,
WeCom). Then save the address in the provider's console.

Examples:

  orgsync events enable acme
  orgsync events enable acme --mode callback`
}

// Run implements the command.
func (c enableCommand) Run(ctx context.Context, s *cli.Session) error {
	if c.Mode == "auto" {
		c.Mode = ""
	}
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
	return `Shows whether events are on, when the last came, how many wait, which were set aside, and which messages
were refused, and why.

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

type retryCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (retryCommand) Help() string {
	return `An event is set aside once the object that it is about could not be read three times. The next full run
reads the object; this command has it read now.

Examples:

  orgsync events retry acme`
}

// Run implements the command.
func (c retryCommand) Run(ctx context.Context, s *cli.Session) error {
	n, err := s.Service.RetryEvents(ctx, c.Name, cli.By())
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Retried{Provider: c.Name, Events: n})
	}
	s.Printf("%s", s.Language.Text(message.EventsRetried, message.Args{"Count": int(n)}))
	return nil
}

func show(s *cli.Session, e service.Events) error {
	if s.JSON {
		return s.PrintJSON(stateOf(e, address(s, e)))
	}
	say := func(code message.Code, args message.Args) { s.PrintFolded("", s.Language.Text(code, args)) }
	if !e.Enabled {
		say(message.EventsOff, message.Args{"Provider": e.Provider})
	} else {
		say(message.EventsOn, message.Args{"Provider": e.Provider, "Mode": s.Language.EventMode(e.Mode)})
	}
	if to := address(s, e); to != "" {
		say(message.EventsAddress, message.Args{"Address": to})
	}
	switch {
	case e.Mode != service.EventsByStream:
	case e.ConnectedSince != nil:
		say(message.EventsConnected, message.Args{"Since": cli.Moment(*e.ConnectedSince)})
	default:
		say(message.EventsNotConnected, message.Args{"Problem": e.StreamProblem})
	}
	if e.LastEventAt != nil {
		say(message.EventsLast, message.Args{"At": cli.Moment(*e.LastEventAt)})
	} else if e.Enabled {
		say(message.EventsNoneYet, nil)
	}
	say(message.EventsFigures, message.Args{"Waiting": e.Waiting, "SetAside": e.SetAside})
	if e.OldestWaiting != nil {
		say(message.EventsOldest, message.Args{"Since": cli.Moment(*e.OldestWaiting)})
	}
	showTrouble(s, e)
	gaps := make([]string, len(e.Without))
	for i, gap := range e.Without {
		gaps[i] = gap.Text(s.Language)
	}
	say(message.EventsWithout, message.Args{
		"Gaps": strings.Join(gaps, s.Language.Text(message.ListSeparator, nil)),
	})
	return nil
}

// showTrouble says what was refused and what was set aside.
func showTrouble(s *cli.Session, e service.Events) {
	for _, r := range e.Refused {
		s.PrintFolded("", s.Language.Text(message.EventsRefusals, message.Args{
			"Refused": r.Refused, "Reason": s.Language.EventRefusal(r.Reason), "At": cli.Moment(r.LastAt),
		}))
	}
	for _, g := range e.GivenUp {
		s.PrintFolded("", s.Language.Text(message.EventsSetAside, message.Args{
			"Object": s.Language.EventObject(g.ObjectType), "ID": g.ObjectID, "Kind": g.Kind, "At": cli.Moment(g.At),
		}))
	}
	if e.SetAside > 0 {
		s.PrintFolded("", s.Language.Text(message.EventsRetry, message.Args{"Provider": e.Provider}))
	}
}

// address is the callback address, "" where none is used or the server's own is not known.
func address(s *cli.Session, e service.Events) string {
	public := strings.TrimRight(s.Getenv("ORGSYNC_PUBLIC_URL"), "/")
	if e.Mode != service.EventsByCallback || public == "" {
		return ""
	}
	return public + "/events/" + url.PathEscape(e.Provider)
}

// State is how a provider's events stand, as JSON.
type State struct {
	Provider       string     `json:"provider"`
	Enabled        bool       `json:"enabled"`
	Mode           string     `json:"mode,omitempty"`
	CallbackURL    string     `json:"callback_url,omitempty"`
	ConnectedSince *time.Time `json:"connected_since"`
	StreamProblem  string     `json:"stream_problem,omitempty"`
	LastEventAt    *time.Time `json:"last_event_at"`
	Waiting        int64      `json:"waiting"`
	OldestWaiting  *time.Time `json:"oldest_waiting"`
	SetAside       int64      `json:"set_aside"`
	SetAsideEvents []SetAside `json:"set_aside_events"`
	Refused        []Refused  `json:"refused"`
	// Without has the words of the API, which programs can rely on.
	Without []string `json:"without_events"`
}

// SetAside is an event that was given up after three tries.
type SetAside struct {
	Kind       string    `json:"kind"`
	ObjectType string    `json:"object_type"`
	ExternalID string    `json:"external_id"`
	SetAsideAt time.Time `json:"set_aside_at"`
}

// Refused is how many messages were refused for a reason.
type Refused struct {
	Reason string    `json:"reason"`
	Count  int64     `json:"count"`
	LastAt time.Time `json:"last_at"`
}

// Retried is how many events are tried again.
type Retried struct {
	Provider string `json:"provider"`
	Events   int64  `json:"events"`
}

func stateOf(e service.Events, address string) State {
	s := State{
		Provider: e.Provider, Enabled: e.Enabled, Mode: e.Mode, CallbackURL: address,
		ConnectedSince: e.ConnectedSince, StreamProblem: e.StreamProblem, LastEventAt: e.LastEventAt,
		Waiting:       e.Waiting,
		OldestWaiting: e.OldestWaiting, SetAside: e.SetAside, SetAsideEvents: []SetAside{}, Refused: []Refused{},
	}
	for _, g := range e.GivenUp {
		s.SetAsideEvents = append(s.SetAsideEvents, SetAside{
			Kind: g.Kind, ObjectType: g.ObjectType, ExternalID: g.ObjectID, SetAsideAt: g.At,
		})
	}
	for _, r := range e.Refused {
		s.Refused = append(s.Refused, Refused{Reason: r.Reason, Count: r.Refused, LastAt: r.LastAt})
	}
	for _, gap := range e.Without {
		s.Without = append(s.Without, string(gap))
	}
	return s
}
