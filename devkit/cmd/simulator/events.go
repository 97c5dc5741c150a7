package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
)

// The keys of callback addresses.
const (
	encryptKey        = "sim-encrypt-key"
	verificationToken = "sim-verification-token"
	callbackToken     = "simCallbackToken"
	callbackKey       = "k3yOfTheSimulator123456789abcdefghijABCDEFG"
)

// delivery is what becomes of messages about changes; the zero value loses and repeats none.
type delivery struct {
	Duplicate float64 `json:"duplicate,omitempty" placeholder:"SHARE" help:"Share of the messages that are sent twice."`
	Drop      float64 `json:"drop,omitempty" placeholder:"SHARE" help:"Share of the messages that are lost."`
	Late      float64 `json:"late,omitempty" placeholder:"SHARE" help:"Share of the messages that come late, after others."`
	LateBy    float64 `json:"late_by,omitempty" placeholder:"SECONDS" help:"How late they are at most."`
	Pace      float64 `json:"pace,omitempty" placeholder:"N" help:"Divides the vendor's pauses before it sends again."`
	Seed      uint64  `json:"seed,omitempty" placeholder:"N" help:"The same seed draws the same messages."`
}

func (d delivery) validate() error {
	if !areShares(d.Duplicate, d.Drop, d.Late) {
		return errors.New("duplicate, drop and late are shares from 0 to 1")
	}
	if d.LateBy < 0 || d.Pace < 0 {
		return errors.New("late_by and pace must not be below 0")
	}
	return nil
}

func areShares(values ...float64) bool { return slices.Min(values) >= 0 && slices.Max(values) <= 1 }

func (d delivery) simulated() simulator.Delivery {
	return simulator.Delivery{
		Pace: d.Pace, Duplicate: d.Duplicate, Drop: d.Drop, Late: d.Late, Seed: d.Seed,
		LateBy: time.Duration(d.LateBy * float64(time.Second)),
	}
}

// telling is how a vendor tells of changes. Without a URL it does so on the connections that
// clients have opened.
type telling struct {
	URL  string `json:"url,omitempty" name:"url" placeholder:"URL" help:"Callback address, such as $ORGSYNC_PUBLIC_URL/events/acme; without one changes are told on the connections that are open."`
	Full bool   `json:"full,omitempty" help:"WeCom: tell of every change, as to an address saved before 2022-08-15."`
	delivery
	Odd   float64 `json:"odd,omitempty" placeholder:"SHARE" help:"Share of the messages on a connection before which something comes that no page describes."`
	Split float64 `json:"split,omitempty" placeholder:"SHARE" help:"Feishu: share of the messages on a connection that come in several frames."`
	Cut   float64 `json:"cut,omitempty" placeholder:"SHARE" help:"Share of the messages on a connection after which it is cut."`
}

func (t telling) validate(vendor string) error {
	if err := t.delivery.validate(); err != nil {
		return err
	}
	if !areShares(t.Odd, t.Split, t.Cut) {
		return errors.New("odd, split and cut are shares from 0 to 1")
	}
	address, err := url.Parse(t.URL)
	switch {
	case err != nil || t.URL != "" && address.Host == "":
		return fmt.Errorf("url is %q; it should be a callback address such as http://127.0.0.1:8080/events/acme", t.URL)
	case t.URL != "" && t.Odd+t.Split+t.Cut > 0:
		return errors.New("odd, split and cut are of connections; leave them out beside url")
	case t.URL == "" && vendor == wecomName:
		return errors.New("url is missing: WeCom tells of changes at a callback address only")
	case t.Full && vendor != wecomName:
		return errors.New("full is a form of events that only WeCom has")
	case t.Split > 0 && vendor != feishuName:
		return errors.New("split is what only Feishu does with messages")
	}
	return nil
}

func (t telling) stream() simulator.Stream {
	return simulator.Stream{Delivery: t.simulated(), Odd: t.Odd, Split: t.Split, Cut: t.Cut}
}

func feishuEvents(s *feishu.Server) func(telling) (*simulator.Pusher, error) {
	return func(t telling) (*simulator.Pusher, error) {
		if t.URL == "" {
			return s.SubscribeStream(t.stream())
		}
		return s.Subscribe(feishu.Callback{URL: t.URL, EncryptKey: encryptKey, VerificationToken: verificationToken,
			Delivery: t.simulated()})
	}
}

func dingtalkEvents(s *dingtalk.Server) func(telling) (*simulator.Pusher, error) {
	return func(t telling) (*simulator.Pusher, error) {
		if t.URL == "" {
			if s.Streams.Any() == nil {
				return nil, errors.New("no connection is open: enable events, and have a worker running")
			}
			return s.SubscribeStream(t.stream()), nil
		}
		return s.Subscribe(dingtalk.Callback{URL: t.URL, Token: callbackToken, AESKey: callbackKey,
			Delivery: t.simulated()})
	}
}

func wecomEvents(s *wecom.Server) func(telling) (*simulator.Pusher, error) {
	return func(t telling) (*simulator.Pusher, error) {
		return s.Subscribe(wecom.Callback{URL: t.URL, Token: callbackToken, AESKey: callbackKey, Full: t.Full,
			Delivery: t.simulated()})
	}
}

// events are how a vendor tells of changes now: not at all, until a first connection is opened or
// somebody says how.
type events struct {
	// streams are the connections, nil where the vendor has none.
	streams   *simulator.Streams
	subscribe func(telling) (*simulator.Pusher, error)

	mu     sync.Mutex
	how    telling
	pusher *simulator.Pusher
}

// firstStream has changes told on connections, unless it was said how they are told.
func (e *events) firstStream() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pusher == nil {
		e.pusher, _ = e.subscribe(telling{}) // a connection is open
	}
}

// replace has changes told in another way, or not at all.
func (e *events) replace(how telling, pusher *simulator.Pusher) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pusher != nil {
		e.pusher.Stop()
	}
	e.how, e.pusher = how, pusher
}

// shownEvents is how a vendor tells of changes, and how many messages there were since that was
// said.
type shownEvents struct {
	On bool `json:"on"`
	telling
	Connections  int   `json:"connections"`
	Messages     int64 `json:"messages"`
	Sent         int64 `json:"sent"`
	Acknowledged int64 `json:"acknowledged"`
	Lost         int64 `json:"lost"`
}

func (e *events) show() shownEvents {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := shownEvents{telling: e.how}
	if e.streams != nil {
		out.Connections = len(e.streams.Connections())
	}
	if p := e.pusher; p != nil {
		out.On, out.Messages, out.Sent = true, p.Messages.Load(), p.Sent.Load()
		out.Acknowledged, out.Lost = p.Acknowledged.Load(), p.Lost.Load()
	}
	return out
}

// eventsRequest says how one vendor tells of changes.
type eventsRequest struct {
	Vendor string `json:"vendor"`
	telling
}

func (c *control) showEvents(r *http.Request) (any, error) {
	return each(c, r.FormValue("vendor"), func(s *service) shownEvents { return s.events.show() })
}

func (c *control) endEvents(r *http.Request) (any, error) {
	return each(c, r.FormValue("vendor"), func(s *service) bool { s.events.replace(telling{}, nil); return true })
}

func (c *control) setEvents(r *http.Request) (any, error) {
	var in eventsRequest
	if err := read(r, &in); err != nil {
		return nil, err
	}
	s, err := c.one(in.Vendor)
	if err != nil {
		return nil, err
	}
	if err := in.validate(in.Vendor); err != nil {
		return nil, err
	}
	var pusher *simulator.Pusher
	if err := again(func() error { pusher, err = s.subscribe(in.telling); return err }); err != nil {
		return nil, err
	}
	s.events.replace(in.telling, pusher)
	return s.events.show(), nil
}

// A server may need some seconds until it knows of a provider whose events were just enabled, and
// a worker until its connection is open.
const (
	tryFor   = 10 * time.Second
	tryEvery = 500 * time.Millisecond
)

// again tries something until it succeeds or enough time has passed.
func again(try func() error) error {
	until := time.Now().Add(tryFor)
	for {
		err := try()
		if err == nil || time.Now().After(until) {
			return err
		}
		time.Sleep(tryEvery)
	}
}

// tell has one vendor tell of changes in another way.
type tell struct {
	running
	Vendor string `arg:"" enum:"feishu,dingtalk,wecom" help:"Which vendor: ${enum}."`
	telling
}

// Validate refuses what the vendor cannot do.
func (t tell) Validate() error { return t.validate(t.Vendor) }

func (t tell) run(ctx context.Context, stdout io.Writer) error {
	if err := t.post(ctx, "/events", eventsRequest{t.Vendor, t.telling}, nil); err != nil {
		return err
	}
	to := "on the connections that are open"
	if t.URL != "" {
		to = "at " + t.URL
	}
	_, err := fmt.Fprintf(stdout, "%s tells of changes %s\n", t.Vendor, to)
	return err
}
