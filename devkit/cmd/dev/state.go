package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/orgsync/orgsync/devkit/stack/process"
)

// Files in the state directory, besides the stack's own. What a supervisor writes it removes when it ends.
const (
	commandLock    = "command.lock"    // taken by a command that starts or stops the stack: one at a time
	supervisorLock = "supervisor.lock" // taken by a living supervisor, and given back by the kernel when it dies
	supervisorLog  = "supervisor.log"
	pidFile        = "supervisor.pid"
	envFile        = "env"    // settings for a shell; there once the stack is healthy
	statusFile     = "status" // what runs, for people
	endedFile      = "ended"  // names of programs that have ended by themselves
)

// read returns what a file in the state directory holds, "" if there is none.
func read(dir, name string) string {
	text, _ := os.ReadFile(filepath.Join(dir, name))
	return string(text)
}

// write makes a file that a reader sees either as it was or whole. Only the owner may read it.
func write(dir, name, text string) error {
	path := filepath.Join(dir, name)
	return errors.Join(os.WriteFile(path+".draft", []byte(text), 0o600), os.Rename(path+".draft", path))
}

// forget removes what holds only while a supervisor lives.
func forget(dir string) (err error) {
	for _, name := range []string{envFile, pidFile, statusFile, endedFile} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, name)))
	}
	return err
}

// supervised says whether a living supervisor owns the state directory.
func supervised(dir string) bool {
	lock, err := process.TryLock(filepath.Join(dir, supervisorLock))
	if err == nil {
		lock.Unlock()
	}
	return errors.Is(err, process.ErrLocked)
}

// claim makes the state directory and waits until no other command starts or stops its stack.
func claim(ctx context.Context, dir string) (*process.Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := process.WaitLock(ctx, filepath.Join(dir, commandLock))
	if err != nil {
		return nil, fmt.Errorf("wait for another command to end: %w", err)
	}
	return lock, nil
}
