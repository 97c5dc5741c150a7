package procgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrLocked is returned where another process, or another lock of this one, holds the lock.
var ErrLocked = errors.New("locked by another process")

// lockPoll is how often Lock tries. The kernel could wait instead, but not for ctx at the same time.
const lockPoll = 100 * time.Millisecond

// TryLock takes the lock on a file, which it makes if missing, or fails with ErrLocked. The kernel gives the lock back when
// this process ends, in whatever way, so that no stale lock can be left behind.
func TryLock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() {
		// Closing alone would leave the lock with a child that is just being started and
		// still has all files of this process.
		_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
		_ = file.Close()
	}, nil
}

// Lock is TryLock that waits for the lock until ctx ends; the error is then ErrLocked still.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		unlock, err := TryLock(path)
		if !errors.Is(err, ErrLocked) {
			return unlock, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}
