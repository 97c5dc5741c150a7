package stack

import (
	"bytes"
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
	// Providers has the configuration to store for each type of provider, with its credentials;
	// under "suite" that of WeCom's suite.
	Providers map[string]map[string]string
	// Control is the URL at which companies can be changed and faults scripted.
	Control string
}

const simulatorStart = 3 * time.Minute // it makes its companies first

// startSimulator starts the simulator, whose companies are kept in the stack's directory, and returns once it serves.
// The configuration of each provider is then in a file TYPE.json there, ready for orgsync provider add.
func startSimulator(ctx context.Context, in place, program string, ports Ports,
	further []string) (*Child, Simulated, error) {
	args := []string{"--state", filepath.Join(in.dir, "simulator.json"), "--output", "json"}
	for _, name := range simulatorPorts {
		args = append(args, "--"+name+"-addr", address(ports[name]))
	}
	started, err := in.start("simulator", Environ(nil), program, append(args, further...)...)
	if err != nil {
		return nil, Simulated{}, err
	}
	var simulated Simulated
	err = started.await(ctx, simulatorStart, func(context.Context) error {
		// It announces itself on standard output, which is the log.
		text, err := os.ReadFile(started.Log)
		if err == nil {
			simulated, err = readAnnouncement(text)
		}
		return err
	})
	for vendor, config := range simulated.Providers {
		text, encodeErr := json.MarshalIndent(config, "", "  ")
		err = errors.Join(err, encodeErr, os.WriteFile(filepath.Join(in.dir, vendor+".json"), append(text, '\n'),
			0o600))
	}
	return started, simulated, err
}

// readAnnouncement reads the line that the simulator prints once it serves: the configuration of a provider under each
// type's name, and the control URL.
func readAnnouncement(text []byte) (Simulated, error) {
	var line struct {
		Feishu, DingTalk, WeCom, Suite struct{ Config map[string]string }
		Control                        string `json:"control_url"`
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return Simulated{}, fmt.Errorf("read the simulator's announcement: %w", err)
	}
	return Simulated{Control: line.Control, Providers: map[string]map[string]string{
		"feishu": line.Feishu.Config, "dingtalk": line.DingTalk.Config, "wecom": line.WeCom.Config,
		"suite": line.Suite.Config,
	}}, nil
}

// Control asks the simulator's control interface. in and out are JSON; nil for none.
func (s *Stack) Control(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, s.Simulated.Control+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the simulator: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the simulator: %s %s: %s", method, path, response.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}
