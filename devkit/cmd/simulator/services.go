package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
)

// The vendors' names, in the order of printing.
const (
	feishuName   = "feishu"
	dingtalkName = "dingtalk"
	wecomName    = "wecom"
)

var vendors = []string{feishuName, dingtalkName, wecomName}

// service is one vendor's company and what controls how it is shown.
type service struct {
	*simulator.Service
	company  *simulator.Company
	handler  http.Handler
	setRange func(*simulator.Range)
	// issueInApp makes a code as pages inside the vendor's app get it.
	issueInApp func(simulator.PersonID) string
	// setApp refuses what the vendor does not know.
	setApp func(app) error
	// app is what was set last.
	app app
	events
}

// places is what the program prints: where everything is.
type places struct {
	Feishu   place `json:"feishu"`
	DingTalk place `json:"dingtalk"`
	WeCom    place `json:"wecom"`
	// Suite is WeCom's address again, with what a provider of the suite needs.
	Suite      place  `json:"suite"`
	ControlURL string `json:"control_url"`
}

// place is one vendor's address. Config is a provider's complete configuration.
type place struct {
	BaseURL string            `json:"base_url"`
	Config  map[string]string `json:"config"`
}

func (p *places) vendor(name string) *place {
	switch name {
	case feishuName:
		return &p.Feishu
	case dingtalkName:
		return &p.DingTalk
	default:
		return &p.WeCom
	}
}

// configOrder is how configurations are printed for people.
var configOrder = []string{"app_id", "app_key", "app_secret", "corp_id", "agent_id", "secret", "sync_secret",
	"suite_id", "suite_secret"}

// services are all that the program runs.
type services struct {
	places  places
	servers []*http.Server
	listens []net.Listener
	control *control
}

func listen(ctx context.Context, f serve, companies map[string]*simulator.Company) (*services, error) {
	of := wecom.Suite{
		ID: f.Suite, Secret: "sim-suite-secret", Token: callbackToken, AESKey: callbackKey,
		ProviderCorp: "wwprovider", ProviderSecret: "sim-provider-secret",
	}
	byName, suite := newServices(ctx, companies, f.NoQuotas, of)
	for name, a := range f.apps() {
		if err := byName[name].change(a); err != nil {
			return nil, err
		}
	}
	s := &services{}
	addresses := map[string]string{feishuName: f.FeishuAddr, dingtalkName: f.DingtalkAddr, wecomName: f.WecomAddr}
	for _, name := range vendors {
		url, err := s.add(ctx, addresses[name], byName[name].handler)
		if err != nil {
			s.close()
			return nil, err
		}
		*s.places.vendor(name) = place{BaseURL: url, Config: config(name, url)}
	}
	suite.platform.Pages = s.places.WeCom.BaseURL
	s.places.Suite = place{BaseURL: s.places.WeCom.BaseURL, Config: suiteConfig(of, s.places.WeCom.BaseURL)}
	s.control = newControl(byName, suite, f.State)
	var err error
	if s.places.ControlURL, err = s.add(ctx, f.ControlAddr, s.control); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// newServices shows each company at its vendor with the default credentials, and WeCom's at the
// platform of service providers, too.
func newServices(ctx context.Context, companies map[string]*simulator.Company, noQuotas bool,
	of wecom.Suite) (map[string]*service, *suite) {
	options := simulator.Options{NoQuotas: noQuotas}
	fs := feishu.New(companies[feishuName], feishu.Config{Options: options})
	dt := dingtalk.New(companies[dingtalkName], dingtalk.Config{Options: options})
	wc := wecom.New(companies[wecomName], wecom.Config{Options: options})
	platform := wecom.NewPlatform(of, options)
	services := map[string]*service{
		feishuName: {
			Service: fs.Service, company: companies[feishuName], handler: fs, issueInApp: fs.IssueInApp,
			setRange: func(r *simulator.Range) { fs.Reconfigure(func(c *feishu.Config) { c.Range = r }) },
			setApp: func(a app) error {
				scopes, err := feishu.Without(a.Without...)
				if err := errors.Join(err, a.onlyOf(feishuName)); err != nil {
					return err
				}
				fs.Reconfigure(func(c *feishu.Config) {
					c.Scopes, c.TrustedIPs, c.HiddenLeavers = scopes, a.TrustedIPs, a.HiddenLeavers
				})
				return nil
			},
		},
		dingtalkName: {
			Service: dt.Service, company: companies[dingtalkName], handler: dt, issueInApp: dt.IssueInApp,
			setRange: func(r *simulator.Range) { dt.Reconfigure(func(c *dingtalk.Config) { c.Range = r }) },
			setApp: func(a app) error {
				points, err := dingtalk.Without(a.Without...)
				if err := errors.Join(err, a.onlyOf(dingtalkName)); err != nil {
					return err
				}
				dt.Reconfigure(func(c *dingtalk.Config) { c.Points, c.TrustedIPs = points, a.TrustedIPs })
				return nil
			},
		},
		wecomName: {
			Service: wc.Service, company: companies[wecomName], handler: platform.Host(wc), issueInApp: wc.IssueInApp,
			setRange: func(r *simulator.Range) { wc.Reconfigure(func(c *wecom.Config) { c.Range = r }) },
			setApp: func(a app) error {
				if len(a.Without) > 0 {
					return errors.New(
						"WeCom has no permissions to take away; its kinds of app are old_app and old_sync_address")
				}
				if err := a.onlyOf(wecomName); err != nil {
					return err
				}
				wc.Reconfigure(func(c *wecom.Config) {
					c.TrustedIPs, c.OldApp, c.OldSyncIP = a.TrustedIPs, a.OldApp, a.OldSyncAddress
				})
				return nil
			},
		},
	}
	services[feishuName].events = events{streams: &fs.Streams, subscribe: feishuEvents(fs)}
	services[dingtalkName].events = events{streams: &dt.Streams, subscribe: dingtalkEvents(dt)}
	services[wecomName].events = events{subscribe: wecomEvents(wc)}
	for _, s := range services {
		if s.streams != nil {
			s.streams.Began = s.firstStream
		}
	}
	return services, newSuite(ctx, platform, wc)
}

// config are the credentials that the vendor packages take by default.
func config(vendor, url string) map[string]string {
	switch vendor {
	case feishuName:
		return map[string]string{"app_id": "cli_sim", "app_secret": "sim-secret", "base_url": url, "accounts_url": url,
			"encrypt_secret": encryptKey, "verification_secret": verificationToken}
	case dingtalkName:
		return map[string]string{
			"app_key": "dingsim", "app_secret": "sim-secret", "corp_id": "dingsimcorp", "base_url": url,
			"api_base_url": url, "login_url": url, "callback_token_secret": callbackToken,
			"callback_aes_secret": callbackKey,
		}
	default:
		return map[string]string{
			"corp_id": "wwsim", "secret": "sim-app-secret", "sync_secret": "sim-sync-secret", "agent_id": "1000002",
			"base_url": url, "login_url": url, "authorize_url": url, "callback_token_secret": callbackToken,
			"callback_aes_secret": callbackKey,
		}
	}
}

func (s *services) add(ctx context.Context, address string, h http.Handler) (url string, err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", address, err)
	}
	s.listens = append(s.listens, l)
	s.servers = append(s.servers, &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second})
	return "http://" + l.Addr().String(), nil
}

func (s *services) close() {
	for _, l := range s.listens {
		_ = l.Close()
	}
}

// stopTime is how long calls may take to end; those that hang never would.
const stopTime = time.Second

// serve answers until ctx ends.
func (s *services) serve(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for i, server := range s.servers {
		group.Go(func() error {
			if err := server.Serve(s.listens[i]); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
			defer cancel()
			if server.Shutdown(stopCtx) != nil {
				return server.Close()
			}
			return nil
		})
	}
	return errors.Join(group.Wait(), s.control.flush())
}
