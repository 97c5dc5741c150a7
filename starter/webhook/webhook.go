// Package webhook holds the commands about addresses that are told of changes.
package webhook

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// Commands are those below "orgsync webhook".
type Commands struct {
	Add    addCommand    `cmd:"" help:"Have an address told of changes from now on; prints its secret, once."`
	List   listCommand   `cmd:"" help:"List the webhooks and how they stand."`
	Show   showCommand   `cmd:"" help:"Show a webhook with its latest deliveries."`
	Test   testCommand   `cmd:"" help:"Send a signed test message, now and from here."`
	Pause  pauseCommand  `cmd:"" help:"Deliver nothing more to a webhook until it is resumed."`
	Resume resumeCommand `cmd:"" help:"Have a webhook told again, or once more from a cursor on."`
	Remove removeCommand `cmd:"" help:"Remove a webhook with the record of its deliveries."`
}

// Help implements kong.HelpProvider.
func (Commands) Help() string {
	return `Each publication of the change feed is delivered by POST, in the feed's order, one message at a time, at
least
once, signed as Standard Webhooks say (headers webhook-id, webhook-timestamp, webhook-signature). Any status 2xx
is success; redirects are not followed. What fails is tried again for three days with growing pauses; then the
webhook is paused, and people are notified.

Examples:

  orgsync webhook add https://app.example.com/orgsync --provider acme
  orgsync webhook list
  orgsync webhook show 3f0e6a52-7c1d-4b5e-9a38-0d2f6b1c8e47
  orgsync webhook resume 3f0e6a52-7c1d-4b5e-9a38-0d2f6b1c8e47`
}

type addCommand struct {
	URL      string   `arg:"" help:"An https address of the application. Private networks have to be allowed with ORGSYNC_WEBHOOK_NETWORKS."`
	Provider string   `placeholder:"NAME" help:"Changes of this provider alone."`
	Tenant   string   `placeholder:"UUID" help:"Changes of this tenant's providers alone."`
	Types    []string `placeholder:"TYPE,TYPE" help:"Events of these types alone, such as member.moved or member.*."`
	Content  string   `enum:"ping,events" default:"ping" placeholder:"ping|events" help:"What is delivered: ping says how much is new and up to where, without personal data; events are the events themselves, at most 100 in a message."`
}

// Help implements kong.HelpProvider.
func (addCommand) Help() string {
	return `The secret is printed once and cannot be shown again; deliveries are signed with it.

Examples:

  orgsync webhook add https://app.example.com/orgsync
  orgsync webhook add https://app.example.com/orgsync --provider acme --types 'member.*' --content events`
}

// Run implements the command.
func (c addCommand) Run(ctx context.Context, s *cli.Session) error {
	added, err := s.Service.AddWebhook(ctx, service.AddWebhookInput{
		URL: c.URL, Content: c.Content, Provider: c.Provider, TenantID: c.Tenant, Types: c.Types, By: cli.By(),
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Added{View: viewOf(added.Webhook), Secret: added.Secret})
	}
	s.Printf("%s", added.Secret)
	s.Warnf("webhook %s is added; keep its secret now, it cannot be shown again", added.ID)
	return nil
}

type listCommand struct{}

// Help implements kong.HelpProvider.
func (listCommand) Help() string {
	return `Examples:

  orgsync webhook list`
}

// all reaches everything: it is for who uses the command line.
var all = access.Caller{Role: access.Admin}

// page is how many webhooks are read at a time, shown how many deliveries are.
const (
	page  = 200
	shown = 20
)

// Run implements the command.
func (listCommand) Run(ctx context.Context, s *cli.Session) error {
	views := []View{}
	for at := (service.Page{Limit: page}); ; {
		rows, err := s.Service.ViewFor(all).ListWebhooks(ctx, at)
		if err != nil {
			return err
		}
		for _, w := range rows.Items {
			views = append(views, viewOf(w))
		}
		if at.After = rows.Next; at.After == "" {
			break
		}
	}
	if s.JSON {
		return s.PrintJSON(views)
	}
	if len(views) == 0 {
		s.Printf("There are no webhooks; add one with: orgsync webhook add URL")
		return nil
	}
	t := cli.NewTable("id", "address", "provider", "content", "state", "waiting", "oldest").
		Drop("oldest", "content", "provider")
	for _, v := range views {
		t.AppendRow([]any{v.ID, cli.Plain(v.URL), cmp.Or(v.Provider, "-"), v.Content, v.State, v.Waiting,
			moment(v.OldestWaiting)})
	}
	s.PrintTable(t)
	return nil
}

type showCommand struct {
	ID string `arg:"" help:"The webhook's id."`
}

// Help implements kong.HelpProvider.
func (showCommand) Help() string {
	return `Examples:

  orgsync webhook show 3f0e6a52-7c1d-4b5e-9a38-0d2f6b1c8e47`
}

// Run implements the command.
func (c showCommand) Run(ctx context.Context, s *cli.Session) error {
	view := s.Service.ViewFor(all)
	w, err := view.GetWebhook(ctx, c.ID)
	if err != nil {
		return err
	}
	latest, err := view.ListDeliveries(ctx, c.ID, service.Page{Limit: shown})
	if err != nil {
		return err
	}
	out := Shown{View: viewOf(w), Deliveries: []Delivery{}}
	for _, d := range latest.Items {
		out.Deliveries = append(out.Deliveries, deliveryOf(d))
	}
	if s.JSON {
		return s.PrintJSON(out)
	}
	print(s, out.View)
	if len(out.Deliveries) == 0 {
		return nil
	}
	s.Printf("")
	t := cli.NewTable("begun", "events", "status", "attempts", "answer").Fold("answer")
	for _, d := range out.Deliveries {
		t.AppendRow([]any{cli.Moment(d.CreatedAt), d.Events, d.Status, d.Attempts, cli.Plain(cmp.Or(d.Problem, "-"))})
	}
	s.PrintTable(t)
	return nil
}

// print writes for people how a webhook stands.
func print(s *cli.Session, v View) {
	s.Printf("Webhook %s delivers %s to %s.", v.ID, v.Content, cli.Plain(v.URL))
	if v.Provider != "" {
		s.Printf("It is told of changes of %s.", v.Provider)
	}
	if len(v.Types) > 0 {
		s.Printf("It is told of %s.", strings.Join(v.Types, ", "))
	}
	switch v.State {
	case service.WebhookPaused:
		s.Printf("It has been paused since %s: %s.", moment(v.PausedAt), s.Language.PausedBecause(v.PauseReason))
	case service.WebhookFailing:
		s.Printf("It has failed since %s.", moment(v.FailingSince))
	}
	s.Printf("It was told everything up to cursor %s.", v.Cursor)
	if v.Waiting > 0 {
		s.Printf("%d publications wait, the oldest since %s.", v.Waiting, moment(v.OldestWaiting))
	}
}

func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return cli.Moment(*t)
}

type testCommand struct {
	ID string `arg:"" help:"The webhook's id."`
}

// Help implements kong.HelpProvider.
func (testCommand) Help() string {
	return `The message has the type webhook.test. It is sent from this machine; deliveries are sent by workers.

Examples:

  orgsync webhook test 3f0e6a52-7c1d-4b5e-9a38-0d2f6b1c8e47`
}

// Run implements the command.
func (c testCommand) Run(ctx context.Context, s *cli.Session) error {
	tested, err := s.Service.TestWebhook(ctx, access.Reach{}, c.ID)
	if err != nil {
		return err
	}
	out := Tested{ID: c.ID, Delivered: tested.Problem == "", HTTPStatus: tested.HTTPStatus, Problem: tested.Problem,
		DurationMS: tested.Took.Milliseconds()}
	if s.JSON {
		if err := s.PrintJSON(out); err != nil {
			return err
		}
	} else if out.Delivered {
		s.Printf("Webhook %s took the test message with HTTP status %d in %d ms.", c.ID, out.HTTPStatus, out.DurationMS)
	} else {
		s.Printf("Webhook %s did not take the test message: %s.", c.ID, cli.Plain(out.Problem))
	}
	if !out.Delivered {
		return &cli.Failure{Status: cli.ExitFailed}
	}
	return nil
}

type pauseCommand struct {
	ID string `arg:"" help:"The webhook's id."`
}

// Help implements kong.HelpProvider.
func (pauseCommand) Help() string {
	return `What is published meanwhile is delivered once it is resumed, as far as it is still kept.

Examples:

  orgsync webhook pause 3f0e6a52-7c1d-4b5e-9a38-0d2f6b1c8e47`
}

// Run implements the command.
func (c pauseCommand) Run(ctx context.Context, s *cli.Session) error {
	w, err := s.Service.PauseWebhook(ctx, access.Reach{}, c.ID, cli.By())
	return changed(s, w, err)
}

type resumeCommand struct {
	ID   string `arg:"" help:"The webhook's id."`
	From string `placeholder:"CURSOR|now" help:"Deliver what follows this cursor, be it for the second time, or only what comes from now on. By default it goes on where it stopped."`
}

// Help implements kong.HelpProvider.
func (resumeCommand) Help() string {
	return `Where the last attempts failed, the next is made at once.

Examples:

  orgsync webhook resume 3f0e6a52-7c1d-4b5e-9a38-0d2f6b1c8e47
  orgsync webhook resume 3f0e6a52-7c1d-4b5e-9a38-0d2f6b1c8e47 --from now`
}

// Run implements the command.
func (c resumeCommand) Run(ctx context.Context, s *cli.Session) error {
	w, err := s.Service.ResumeWebhook(ctx, access.Reach{}, c.ID, c.From, cli.By())
	return changed(s, w, err)
}

func changed(s *cli.Session, w service.Webhook, err error) error {
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(viewOf(w))
	}
	print(s, viewOf(w))
	return nil
}

type removeCommand struct {
	ID string `arg:"" help:"The webhook's id."`
}

// Help implements kong.HelpProvider.
func (removeCommand) Help() string {
	return `Examples:

  orgsync webhook remove 3f0e6a52-7c1d-4b5e-9a38-0d2f6b1c8e47`
}

// Run implements the command.
func (c removeCommand) Run(ctx context.Context, s *cli.Session) error {
	w, err := s.Service.RemoveWebhook(ctx, access.Reach{}, c.ID, cli.By())
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Removed{ID: w.ID, URL: w.URL})
	}
	s.Printf("Webhook %s to %s is removed.", w.ID, cli.Plain(w.URL))
	return nil
}
