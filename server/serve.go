package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/health"
	"github.com/orgsync/orgsync/internal/metrics"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/internal/traces"
	"github.com/orgsync/orgsync/server/api"
	"github.com/orgsync/orgsync/server/console"
	"github.com/orgsync/orgsync/server/console/session"
	"github.com/orgsync/orgsync/server/inbound"
	"github.com/orgsync/orgsync/server/login"
	"github.com/orgsync/orgsync/server/web"
)

// How long a client may take.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	// writeTimeout is for answers that are no stream; streams set their own.
	writeTimeout = time.Minute
	idleTimeout  = 2 * time.Minute
	maxHeader    = 32 << 10
	// stopTimeout is how long requests may take to end when the process is told to.
	stopTimeout = 20 * time.Second
)

// serve answers until ctx is done, and then lets what is under way end.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	sent, err := traces.Open(ctx, "orgsync-server", os.Getenv)
	if err != nil {
		return settingError{err}
	}
	defer func() {
		if err := sent.Close(); err != nil {
			log.Warn("the last traces were not sent", "error", err)
		}
	}()
	tracing, err := sent.Adjust()
	if err != nil {
		return err
	}
	s := app.NewService(func(...string) (config.Config, error) { return cfg, nil },
		func(text string) { log.Warn(text) }, log, cfg.Language, tracing)
	defer s.Close()
	listener, err := net.Listen("tcp", cfg.ServerAddress)
	if err != nil {
		return settingError{fmt.Errorf("listen: %w; set ORGSYNC_SERVER_ADDRESS to a free address", err)}
	}
	counts := metrics.New(nil, log)
	// Temporal is no check: without it the directory is read and people sign in all the same.
	checks := []health.Check{{Name: "postgres", OK: s.Ping}, {Name: "schema", OK: s.CheckSchema}}
	if cfg.MetricsAddress != "" {
		watched, err := health.Listen(cfg.MetricsAddress, counts.Handler(), log, checks...)
		if err != nil {
			return errors.Join(settingError{err}, listener.Close())
		}
		defer watched.Close()
	}
	intake := newIntake(s, log, counts)
	suites := intake.ForSuites()
	watch := web.Watch{Log: log, Count: counts.Request, Tracer: sent.Tracer()}
	handler, closeStreams, err := newHandler(s, cfg, watch, checks, intake, suites)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	working, stopWorking := context.WithCancel(ctx)
	var intakeEnded sync.WaitGroup
	intakeEnded.Go(func() { intake.Run(working) })
	intakeEnded.Go(func() { suites.Run(working) })
	defer intakeEnded.Wait()
	defer stopWorking()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	log.Info("server started", "address", "http://"+listener.Addr().String())
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("server stops")
	closeStreams()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		return errors.Join(fmt.Errorf("requests did not end in time: %w", err), server.Close())
	}
	return nil
}

// newIntake returns what takes events, watched.
func newIntake(s *service.Service, log *slog.Logger, counts *metrics.Metrics) *service.Intake {
	intake := s.NewIntake()
	intake.Stored = counts.EventsStored
	intake.Refused = func(name string, reason provider.Refusal) { counts.MessageRefused(name, string(reason)) }
	intake.Failed = func(doing string, err error) { log.Warn("intake", "doing", doing, "error", err) }
	return intake
}

// newHandler returns what answers requests, and what ends the streams among them.
func newHandler(s *service.Service, cfg config.Config, watch web.Watch, checks []health.Check,
	intake *service.Intake, suites *service.SuiteIntake) (http.Handler, func(), error) {
	mux, log := http.NewServeMux(), watch.Log
	rest, err := api.New(mux, s, version())
	if err != nil {
		return nil, nil, err
	}
	sessions := session.New(s, cfg.PublicURL, log)
	pages := console.New(mux, s, sessions, rest.Follow, log)
	pages.PublicURL = cfg.PublicURL
	logins := login.New(mux, s, sessions, cfg.ConsoleURL(), log)
	if set := cfg.OIDC; set.Issuer != "" {
		pages.OpenID = true
		logins.OfferOIDC(mux, login.OIDC{
			Issuer: set.Issuer, ClientID: set.ClientID, ClientSecret: set.ClientSecret.Reveal(), Admins: set.Admins,
		})
	}
	health.Register(mux, log, checks...)
	callbacks := inbound.New(intake, log)
	callbacks.Register(mux)
	callbacks.RegisterSuites(mux, suites)
	return web.Wrap(mux, watch), rest.Close, nil
}

// version is the build's, as the document says it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
