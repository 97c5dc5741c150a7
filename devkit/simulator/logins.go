package simulator

import (
	"crypto/rand"
	"sync"
	"time"
)

// Grant is what a person agreed to on a vendor's sign-in page.
type Grant struct {
	Person PersonID
	// Outsider is a member of another company who has the person's e-mail address.
	Outsider bool
	// InApp: the code was asked for inside the vendor's own app.
	InApp bool
	// RedirectURL, Challenge and Method are those of the page's address. Method is that of PKCE.
	RedirectURL, Challenge, Method string
	// Private: the person agreed to show more than who they are.
	Private bool
}

// PassState is what a code, user token or ticket is worth.
type PassState int

// The states.
const (
	PassGood PassState = iota
	PassUnknown
	PassExpired
	PassUsed
)

// Passes are the codes, user tokens and tickets that a service has issued. Safe for
// concurrent use.
type Passes struct {
	now func() time.Time

	mu     sync.Mutex
	issued map[string]*pass
}

type pass struct {
	grant   Grant
	expires time.Time
	used    bool
}

func newPasses(now func() time.Time) *Passes {
	return &Passes{now: now, issued: map[string]*pass{}}
}

// Issue returns a new pass for a grant, of at least so many characters.
func (p *Passes) Issue(prefix string, g Grant, life time.Duration, size int) string {
	value := prefix + rand.Text()
	for len(value) < size {
		value += rand.Text()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.issued[value] = &pass{grant: g, expires: p.now().Add(life)}
	return value
}

// Show returns the grant of a pass that may be used again and again.
func (p *Passes) Show(value string) (Grant, PassState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.look(value)
}

// Spend returns the grant of a pass that is good once.
func (p *Passes) Spend(value string) (Grant, PassState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, state := p.look(value)
	if state == PassGood {
		p.issued[value].used = true
	}
	return g, state
}

func (p *Passes) look(value string) (Grant, PassState) {
	issued, known := p.issued[value]
	switch {
	case !known:
		return Grant{}, PassUnknown
	case issued.used:
		return issued.grant, PassUsed
	case !p.now().Before(issued.expires):
		return issued.grant, PassExpired
	}
	return issued.grant, PassGood
}

// Stranger is the number by which ids of a member of another company are made: one that no
// person of this company has.
func (g Grant) Stranger() int { return int(g.Person) + maxObjects }
