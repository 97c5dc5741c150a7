// Package remote knows who is at the other end of a request: their network address, and how
// often they were refused.
package remote

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// Address is the network address that a request comes from.
func Address(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// RefusalWindow is how long refusals count.
const RefusalWindow = time.Minute

// Refusals count what was refused by address, so that nothing secret is guessed. They are safe
// for concurrent use.
type Refusals struct {
	// Allowed is how many refusals an address may have within a minute.
	Allowed int

	mu    sync.Mutex
	since time.Time
	count map[string]int
}

// Add counts a refusal.
func (r *Refusals) Add(address string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetOld(now)
	r.count[address]++
}

// TooMany reports whether an address has been refused so often that it must wait.
func (r *Refusals) TooMany(address string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetOld(now)
	return r.count[address] >= r.Allowed
}

func (r *Refusals) forgetOld(now time.Time) {
	if r.count == nil || now.Sub(r.since) >= RefusalWindow {
		r.since, r.count = now, map[string]int{}
	}
}
