package proc

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrLocked is what TryLock returns when another process, or another lock of this one, holds the lock.
var ErrLocked = errors.New("locked by another process")

// Lock waits for the lock on a file, which it makes if missing. The kernel gives the lock back when this process ends, in
// whatever way, so that no stale lock can be left behind.
func Lock(path string) (unlock func(), err error) { return lock(path, syscall.LOCK_EX) }

// TryLock is Lock without waiting.
func TryLock(path string) (unlock func(), err error) {
	return lock(path, syscall.LOCK_EX|syscall.LOCK_NB)
}

func lock(path string, how int) (func(), error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := flock(int(file.Fd()), how); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { _ = file.Close() }, nil
}

// flock tries again when a signal, of which the Go runtime sends itself many, breaks the wait.
func flock(fd, how int) error {
	for {
		if err := syscall.Flock(fd, how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
