package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// Ports are TCP ports on 127.0.0.1 by the name of what listens there. In a Config they are those that must be so; each
// other one is the stack's choice: the port it had last time if that is free, else any free one.
type Ports map[string]int

// everyPort lists what listens in a stack; temporal and ui are the same program, the last four are the simulator.
var (
	temporalPorts  = []string{"temporal", "ui"}
	simulatorPorts = []string{"feishu", "dingtalk", "wecom", "control"}
	everyPort      = append(append([]string{"postgres", "server"}, temporalPorts...), simulatorPorts...)
)

// PortsFromEnv reads the ports that are set: ORGSYNC_PG_PORT, ORGSYNC_TEMPORAL_PORT, ORGSYNC_UI_PORT,
// ORGSYNC_SERVER_PORT and ORGSYNC_SIM_PORT, the first of four that the simulator uses.
func PortsFromEnv(getenv func(string) string) (Ports, error) {
	ports := Ports{}
	for variable, names := range map[string][]string{
		"ORGSYNC_PG_PORT": {"postgres"}, "ORGSYNC_TEMPORAL_PORT": {"temporal"}, "ORGSYNC_UI_PORT": {"ui"},
		"ORGSYNC_SERVER_PORT": {"server"},
		"ORGSYNC_SIM_PORT":    simulatorPorts,
	} {
		text := getenv(variable)
		if text == "" {
			continue
		}
		first, err := strconv.Atoi(text)
		if err != nil || first < 1 || first > 65532 {
			return nil, fmt.Errorf("%s is %q; it should be a port number between 1 and 65532", variable, text)
		}
		for i, name := range names {
			ports[name] = first + i
		}
	}
	return ports, nil
}

// choosePorts chooses a port for each name and remembers them in a file. All are held until all are chosen, so that
// none is chosen twice.
func choosePorts(file string, fixed Ports, names []string) (Ports, error) {
	before, chosen := Ports{}, Ports{}
	if text, err := os.ReadFile(file); err == nil {
		_ = json.Unmarshal(text, &before) // a spoiled file means new ports, no more
	}
	for _, name := range names {
		must := fixed[name] != 0
		wanted := before[name]
		if must {
			wanted = fixed[name]
		}
		listener, err := net.Listen("tcp", address(wanted))
		if err != nil && must {
			return nil, fmt.Errorf("the port %d is taken: set another one", wanted)
		}
		if err != nil {
			if listener, err = net.Listen("tcp", address(0)); err != nil {
				return nil, fmt.Errorf("find a free port: %w", err)
			}
		}
		defer listener.Close()
		chosen[name] = listener.Addr().(*net.TCPAddr).Port
	}
	text, err := json.Marshal(chosen)
	return chosen, errors.Join(err, os.WriteFile(file, text, 0o600))
}

// againIfTaken starts something up to three times while a port that was free when it
// was chosen is taken by somebody else until it is used; each time others are chosen.
func againIfTaken(start func() error) (err error) {
	for range 3 {
		if err = start(); err == nil || !strings.Contains(strings.ToLower(err.Error()), "address already in use") {
			break
		}
	}
	return err
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
