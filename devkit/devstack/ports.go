package devstack

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// Ports are the TCP ports of a stack on 127.0.0.1. In a Config, 0 leaves the choice to the stack: the port it had last time
// if that is free, else any free one.
type Ports struct {
	Postgres int `json:"-"` // remembered by localpg itself
	Temporal int `json:"temporal"`
	UI       int `json:"ui"`
	Feishu   int `json:"feishu"`
	DingTalk int `json:"dingtalk"`
	WeCom    int `json:"wecom"`
	Control  int `json:"control"` // of the simulator
}

// PortsFromEnv reads the ports that are set: ORGSYNC_PG_PORT, ORGSYNC_TEMPORAL_PORT, ORGSYNC_UI_PORT and ORGSYNC_SIM_PORT,
// the first of four that the simulator uses.
func PortsFromEnv(getenv func(string) string) (Ports, error) {
	var ports Ports
	var simulator int
	for name, port := range map[string]*int{
		"ORGSYNC_PG_PORT": &ports.Postgres, "ORGSYNC_TEMPORAL_PORT": &ports.Temporal,
		"ORGSYNC_UI_PORT": &ports.UI, "ORGSYNC_SIM_PORT": &simulator,
	} {
		text := getenv(name)
		if text == "" {
			continue
		}
		value, err := strconv.Atoi(text)
		if err != nil || value < 1 || value > 65532 {
			return Ports{}, fmt.Errorf("%s is %q; it should be a port number between 1 and 65532", name, text)
		}
		*port = value
	}
	if simulator != 0 {
		ports.Feishu, ports.DingTalk, ports.WeCom, ports.Control = simulator, simulator+1, simulator+2, simulator+3
	}
	return ports, nil
}

func (p *Ports) chosen() []*int {
	return []*int{&p.Temporal, &p.UI, &p.Feishu, &p.DingTalk, &p.WeCom, &p.Control}
}

// choosePorts completes fixed and remembers the result in file. All ports are held until all are chosen, so that none is
// chosen twice.
func choosePorts(file string, fixed Ports) (Ports, error) {
	var before Ports
	if text, err := os.ReadFile(file); err == nil {
		_ = json.Unmarshal(text, &before) // a spoiled file means new ports, no more
	}
	result := fixed
	for i, port := range result.chosen() {
		wanted := *before.chosen()[i]
		if *port != 0 {
			wanted = *port
		}
		listener, err := net.Listen("tcp", address(wanted))
		if err != nil && *port != 0 {
			return Ports{}, fmt.Errorf("the port %d is taken: set another one", *port)
		}
		if err != nil {
			if listener, err = net.Listen("tcp", address(0)); err != nil {
				return Ports{}, fmt.Errorf("find a free port: %w", err)
			}
		}
		defer listener.Close()
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	text, err := json.Marshal(result)
	if err != nil {
		return Ports{}, err
	}
	return result, os.WriteFile(file, text, 0o600)
}

// againIfTaken starts something up to three times while a port that was free when it
// was chosen is taken by somebody else until it is used; each time others are chosen.
func againIfTaken(start func() error) (err error) {
	for range 3 {
		if err = start(); err == nil || !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	return err
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
