package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/orgsync/orgsync/devkit/devstack"
	"github.com/orgsync/orgsync/devkit/procgroup"
)

// Files in the state directory. The lock, not the process id in the state file, says whether a supervisor lives: the kernel
// gives it back when the supervisor dies.
const (
	lockName  = "supervisor.lock"
	stateName = "supervisor.json"
	logName   = "supervisor.log"
	envName   = "env"
)

// state is what a supervisor says of itself.
type state struct {
	PID      int              `json:"pid"`
	Healthy  bool             `json:"healthy"`
	UI       string           `json:"ui,omitempty"`
	Address  string           `json:"temporal_address,omitempty"`
	Control  string           `json:"simulator_control,omitempty"`
	Children []devstack.Child `json:"children,omitempty"`
}

// readState returns what was written last, and false if there is nothing.
func readState(dir string) (state, bool) {
	text, err := os.ReadFile(filepath.Join(dir, stateName))
	if err != nil {
		return state{}, false
	}
	var s state
	return s, json.Unmarshal(text, &s) == nil
}

func writeState(dir string, s state) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, stateName), text)
}

// replaceFile writes a file that a reader sees either as it was or whole. Only the owner may read it.
func replaceFile(path string, text []byte) error {
	draft := path + ".draft"
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(draft, path)
}

// supervised says whether a living supervisor owns the state directory.
func supervised(dir string) bool {
	unlock, err := procgroup.TryLock(filepath.Join(dir, lockName))
	if err == nil {
		unlock()
	}
	return errors.Is(err, procgroup.ErrLocked)
}
