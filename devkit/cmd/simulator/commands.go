package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// running is where a simulator that runs is told something.
type running struct {
	Control string `required:"" env:"ORGSYNC_SIM_CONTROL_URL" placeholder:"URL" help:"Control address of the simulator, as printed when it started."`
}

// leave lets people leave, so that a sync finds removals to decide about.
type leave struct {
	running
	Share  float64 `default:"0.2" help:"Share of the people who leave, above 0 and up to 1."`
	Vendor string  `placeholder:"VENDOR" help:"Whose company: feishu, dingtalk or wecom; by default all three."`
	Seed   uint64  `placeholder:"N" help:"With the same seed the same people leave; 0 or none chooses others each time."`
}

func (l leave) run(ctx context.Context, stdout io.Writer) error {
	var left map[string]int
	if err := l.post(ctx, "/leave", shareRequest{Vendor: l.Vendor, Share: l.Share, Seed: l.Seed}, &left); err != nil {
		return err
	}
	for _, vendor := range vendors {
		if n, ok := left[vendor]; ok {
			fmt.Fprintf(stdout, "%-9s %d people have left\n", vendor, n)
		}
	}
	return nil
}

// switches says what the app of one vendor may see.
type switches struct {
	running
	Vendor string `arg:"" enum:"feishu,dingtalk,wecom" help:"Whose app: ${enum}."`
	app
}

func (s switches) run(ctx context.Context, stdout io.Writer) error {
	if err := s.post(ctx, "/app", appRequest{s.Vendor, s.app}, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdout, "the app of %s is changed; everything not named is back to the default\n", s.Vendor)
	return err
}

// answerTime is enough for a company of a million people.
const answerTime = time.Minute

// post sends a request to the control address and decodes the answer.
func (r running) post(ctx context.Context, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Control+path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("--control: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf(
			"no simulator answers at %s: %w; start one with make up or bin/simulator, and name its control address "+
				"in --control", r.Control, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var refused struct {
			Error string `json:"error"`
		}
		if json.NewDecoder(resp.Body).Decode(&refused) != nil || refused.Error == "" {
			return fmt.Errorf("%s is not the control address of a simulator: %s", r.Control, resp.Status)
		}
		return fmt.Errorf("%s", refused.Error)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
