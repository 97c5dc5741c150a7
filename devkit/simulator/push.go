package simulator

import (
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Delivery says how a service delivers messages about changes.
type Delivery struct {
	// Pace divides the vendor's pauses between repetitions, so that a test need not wait for
	// hours; 0 means 1.
	Pace float64
	// Duplicate, Drop and Late are the shares of messages that are sent twice though they
	// were acknowledged, lost, and sent after others, up to LateBy later.
	Duplicate, Drop, Late float64
	LateBy                time.Duration
	// Seed makes the choice.
	Seed uint64
}

// Pusher delivers messages as a vendor does: again after growing pauses until one is
// acknowledged, then no more.
type Pusher struct {
	client  *http.Client
	pauses  []time.Duration
	at      Delivery
	running sync.WaitGroup

	mu   sync.Mutex
	rng  *rand.Rand
	stop func()
	// Messages counts what was to be told, Sent attempts, Acknowledged and Lost messages. What is
	// neither acknowledged nor lost is under way.
	Messages, Sent, Acknowledged, Lost atomic.Int64
}

// NewPusher returns a pusher of a vendor that waits for so long for an answer.
func NewPusher(limit time.Duration, pauses []time.Duration, at Delivery) *Pusher {
	if at.Pace == 0 {
		at.Pace = 1
	}
	return &Pusher{
		client: &http.Client{Timeout: limit, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
		pauses: pauses, at: at, rng: rand.New(rand.NewPCG(at.Seed, 3)), //nolint:gosec // a simulation
	}
}

// Follow has the pusher told of a company's changes until Stop.
func (p *Pusher) Follow(c *Company, told func([]Happened)) { p.stop = c.Watch(told) }

// Stop ends that. What is under way is still delivered.
func (p *Pusher) Stop() { p.stop() }

// Chance draws whether a share is hit.
func (p *Pusher) Chance(share float64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return share > 0 && p.rng.Float64() < share
}

// Push delivers one message by HTTP. make makes each attempt's request, since signatures carry
// its time; accepts reports whether an answer acknowledges it.
func (p *Pusher) Push(make func() (*http.Request, error), accepts func(status int, body []byte) bool) {
	p.Deliver(func() bool { return p.post(make, accepts) })
}

// Deliver delivers one message: attempt makes one attempt and reports whether it was acknowledged.
func (p *Pusher) Deliver(attempt func() bool) {
	p.Messages.Add(1)
	if p.Chance(p.at.Drop) {
		p.Lost.Add(1)
		return
	}
	p.running.Go(func() {
		if p.Chance(p.at.Late) {
			p.mu.Lock()
			late := time.Duration(p.rng.Float64() * float64(p.at.LateBy))
			p.mu.Unlock()
			time.Sleep(late)
		}
		try := func() bool {
			p.Sent.Add(1)
			return attempt()
		}
		for n := 0; !try(); n++ {
			if n == len(p.pauses) {
				p.Lost.Add(1)
				return
			}
			time.Sleep(time.Duration(float64(p.pauses[n]) / p.at.Pace))
		}
		p.Acknowledged.Add(1)
		if p.Chance(p.at.Duplicate) {
			try()
		}
	})
}

func (p *Pusher) post(make func() (*http.Request, error), accepts func(int, []byte) bool) bool {
	request, err := make()
	if err != nil {
		return false
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return err == nil && accepts(answer.StatusCode, body)
}

// Wait returns once nothing is under way any more.
func (p *Pusher) Wait() { p.running.Wait() }
