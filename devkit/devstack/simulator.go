package devstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Simulated describes the providers of a stack's simulator.
type Simulated struct {
	// Providers has the configuration to store for each type of provider, with its credentials.
	Providers map[string]map[string]string
	// Control is the URL at which companies can be changed and faults scripted.
	Control string
}

const (
	simulatorStart = 3 * time.Minute // it makes its companies first
	simulatorGrace = 15 * time.Second
)

// startSimulator starts the simulator, whose companies are kept in dir, and returns once all its services answer.
func startSimulator(ctx context.Context, program, dir string, ports Ports, further []string) (*child, Simulated, error) {
	args := append([]string{
		"--state", filepath.Join(dir, "simulator.json"), "--output", "json",
		"--feishu-addr", address(ports.Feishu), "--dingtalk-addr", address(ports.DingTalk),
		"--wecom-addr", address(ports.WeCom), "--control-addr", address(ports.Control),
	}, further...)
	started, err := startChild(dir, "simulator", scrubbed(), program, args...)
	if err != nil {
		return nil, Simulated{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, simulatorStart)
	defer cancel()
	var simulated Simulated
	err = started.until(ctx, func(ctx context.Context) error {
		// It announces itself on standard output, which is the log.
		text, err := os.ReadFile(started.Log)
		if err != nil {
			return err
		}
		if simulated, err = readAnnouncement(text); err != nil {
			return err
		}
		for _, port := range []int{ports.Feishu, ports.DingTalk, ports.WeCom, ports.Control} {
			if err := answers(ctx, "http://"+address(port)+"/"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		_ = started.stop(simulatorGrace)
		return nil, Simulated{}, err
	}
	return started, simulated, nil
}

// readAnnouncement reads the line that the simulator prints once it serves: the configuration of a provider under each
// type's name, and the control URL.
func readAnnouncement(text []byte) (Simulated, error) {
	type service struct {
		Config map[string]string `json:"config"`
	}
	var line struct {
		Feishu   service `json:"feishu"`
		DingTalk service `json:"dingtalk"`
		WeCom    service `json:"wecom"`
		Control  string  `json:"control_url"`
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return Simulated{}, fmt.Errorf("read the simulator's announcement: %w", err)
	}
	if line.Feishu.Config == nil || line.DingTalk.Config == nil || line.WeCom.Config == nil || line.Control == "" {
		return Simulated{}, errors.New("the simulator's announcement lacks a service")
	}
	return Simulated{
		Providers: map[string]map[string]string{
			"feishu": line.Feishu.Config, "dingtalk": line.DingTalk.Config, "wecom": line.WeCom.Config,
		},
		Control: line.Control,
	}, nil
}

// writeConfigs writes the configuration of each simulated provider to a file TYPE.json, ready for orgsync provider add.
func writeConfigs(dir string, simulated Simulated) error {
	for vendor, config := range simulated.Providers {
		text, err := json.MarshalIndent(config, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, vendor+".json"), append(text, '\n'), 0o600); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
	}
	return nil
}

// answers says whether an HTTP server is there, whatever it thinks of the path.
func answers(ctx context.Context, location string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return err
	}
	request.Close = true // no idle connection is left behind
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
