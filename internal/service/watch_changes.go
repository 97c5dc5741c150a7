package service

import (
	"context"
	"sync"
	"time"

	"github.com/orgsync/orgsync/db/feed"
)

const (
	// lookForChanges is how often the feed is looked at where no notification came.
	lookForChanges = 2 * time.Second
	// listenAgain is after what time a lost connection is made anew.
	listenAgain = time.Second
)

// changeWatch wakes all who wait for changes: one connection listens for the whole process, from
// when the first one waits.
type changeWatch struct {
	mu      sync.Mutex
	woken   chan struct{}
	started bool
	ctx     context.Context
	stop    context.CancelFunc
}

func newChangeWatch() *changeWatch {
	ctx, stop := context.WithCancel(context.Background())
	return &changeWatch{woken: make(chan struct{}), ctx: ctx, stop: stop}
}

// next returns a channel that is closed when something was published after the call.
func (w *changeWatch) next(store *feed.Store) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started {
		w.started = true
		go w.listen(store)
	}
	return w.woken
}

func (w *changeWatch) listen(store *feed.Store) {
	for w.ctx.Err() == nil {
		_ = store.Listen(w.ctx, lookForChanges, w.wake)
		w.wake() // those who wait look for themselves meanwhile
		select {
		case <-w.ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

func (w *changeWatch) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.woken)
	w.woken = make(chan struct{})
}
