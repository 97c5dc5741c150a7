package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrLocked is returned where somebody else holds the lock.
var ErrLocked = errors.New("locked by another process")

// Lock is the lock on a file. The kernel gives it back when this process ends, in whatever way, and with it the guards
// of children that hold it on (Orphan.Lock): whoever gets it finds that nothing of its last holder runs any more.
type Lock struct{ file *os.File }

// TryLock takes the lock on a file, which it makes if missing, or fails with ErrLocked.
func TryLock(path string) (*Lock, error) {
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
	return &Lock{file}, nil
}

// WaitLock is TryLock that waits until the lock is free or ctx ends; the error is then ErrLocked still.
func WaitLock(ctx context.Context, path string) (*Lock, error) {
	for {
		lock, err := TryLock(path)
		if !errors.Is(err, ErrLocked) {
			return lock, err
		}
		if !Sleep(ctx, 50*time.Millisecond) {
			return nil, err
		}
	}
}

// Sleep waits, and returns false if ctx ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Unlock gives the lock back. Closing the file alone would leave it with a child that is just being started and still
// has all files of this process.
func (l *Lock) Unlock() {
	_ = syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN)
	_ = l.file.Close()
}
