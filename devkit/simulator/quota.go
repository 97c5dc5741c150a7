package simulator

import (
	"sync"
	"time"
)

// Quota is a documented call limit: Calls in any window of length Per. Over it
// the endpoint is closed for Block, or until the window has room if that is 0.
type Quota struct {
	Calls int
	Per   time.Duration
	Block time.Duration
}

type quotas struct {
	now    func() time.Time
	limits func(endpoint string) []Quota

	mu   sync.Mutex
	used map[string][]*window
}

// window holds the times of the last calls in a ring.
type window struct {
	Quota
	times  []time.Time
	next   int
	closed time.Time
}

func newQuotas(now func() time.Time, limits func(string) []Quota) *quotas {
	return &quotas{now: now, limits: limits, used: map[string][]*window{}}
}

// take counts a call unless the endpoint is closed, and returns for how long it is.
func (q *quotas) take(endpoint string) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	windows, ok := q.used[endpoint]
	if !ok {
		for _, limit := range q.limits(endpoint) {
			windows = append(windows, &window{Quota: limit})
		}
		q.used[endpoint] = windows
	}
	now := q.now()
	for _, w := range windows {
		if wait := w.wait(now); wait > 0 {
			return wait
		}
	}
	for _, w := range windows {
		w.add(now)
	}
	return 0
}

func (w *window) wait(now time.Time) time.Duration {
	if wait := w.closed.Sub(now); wait > 0 {
		return wait
	}
	if len(w.times) < w.Calls {
		return 0
	}
	wait := w.times[w.next].Add(w.Per).Sub(now)
	if wait > 0 && w.Block > 0 {
		w.closed = now.Add(w.Block)
		return w.Block
	}
	return wait
}

func (w *window) add(now time.Time) {
	if len(w.times) < w.Calls {
		w.times = append(w.times, now)
		return
	}
	w.times[w.next] = now
	w.next = (w.next + 1) % w.Calls
}
