package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const readyTimeout = 4 * time.Second

// ready asks the worker beside it, which listens at address (ORGSYNC_METRICS_ADDRESS),
// whether it is ready for work. It is for container engines: an image without a shell
// has nothing else to ask with.
func ready(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("ORGSYNC_METRICS_ADDRESS is not set, so the worker cannot be asked; set it to an address such as :9464, here and for the worker")
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("ask the worker: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the worker: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the worker is not ready: %s", answer.Status)
	}
	return nil
}
