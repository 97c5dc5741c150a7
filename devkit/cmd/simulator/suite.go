package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/orgsync/orgsync/devkit/simulator/wecom"
)

// suite is a service provider's suite, or its 代开发 template, which the WeCom company can
// install.
type suite struct {
	platform *wecom.Platform
	company  *wecom.Server
	// tickets begins to push tickets, once.
	tickets func()
}

func newSuite(ctx context.Context, platform *wecom.Platform, company *wecom.Server) *suite {
	return &suite{platform, company, sync.OnceFunc(func() { go platform.PushTickets(ctx, wecom.TicketEvery) })}
}

// suiteConfig is the configuration of a provider of the suite.
func suiteConfig(of wecom.Suite, url string) map[string]string {
	return map[string]string{
		"suite_id": of.ID, "suite_secret": of.Secret, "suite_token_secret": of.Token, "suite_aes_secret": of.AESKey,
		"provider_corp_id": of.ProviderCorp, "provider_secret": of.ProviderSecret, "base_url": url, "install_url": url,
	}
}

// suiteRequest saves the suite's callback address, or has the company uninstall the suite.
type suiteRequest struct {
	URL       string `json:"url,omitempty" name:"url" xor:"suite" required:"" placeholder:"URL" help:"Callback address of the suite, such as $ORGSYNC_PUBLIC_URL/suites/wwsuite; a ticket comes at once and then every ten minutes."`
	Uninstall bool   `json:"uninstall,omitempty" xor:"suite" required:"" help:"Have the company uninstall the suite."`
	delivery
}

func (c *control) setSuite(r *http.Request) (any, error) {
	var in suiteRequest
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if err := in.validate(); err != nil {
		return nil, err
	}
	switch {
	case in.Uninstall:
		c.suite.platform.Uninstall(c.suite.company, false)
	case in.URL == "":
		return nil, errors.New("url is missing: name the callback address of the suite")
	default:
		if err := again(func() error { return c.suite.platform.Subscribe(in.URL, in.simulated()) }); err != nil {
			return nil, err
		}
		c.suite.tickets()
	}
	return in, nil
}

// suiteCommand does it for people.
type suiteCommand struct {
	running
	suiteRequest
}

func (s suiteCommand) run(ctx context.Context, stdout io.Writer) error {
	if err := s.post(ctx, "/suite", s.suiteRequest, nil); err != nil {
		return err
	}
	said := "the suite's messages go to " + s.URL
	if s.Uninstall {
		said = "the company has uninstalled the suite"
	}
	_, err := fmt.Fprintln(stdout, said)
	return err
}
