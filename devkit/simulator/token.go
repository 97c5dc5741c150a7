package simulator

import (
	"fmt"
	"sync"
	"time"
)

// Tokens are the access tokens a service has issued. Safe for concurrent use.
type Tokens struct {
	now func() time.Time

	mu     sync.Mutex
	issued map[string]*token
	last   map[string]string // by owner
}

type token struct {
	owner   string
	expires time.Time
}

func newTokens(now func() time.Time) *Tokens {
	return &Tokens{now: now, issued: map[string]*token{}, last: map[string]string{}}
}

// Issue returns a token of the owner and what is left of its life. The last one
// comes back while more than renew is left of it; older ones stay valid until
// they expire.
func (t *Tokens) Issue(prefix, owner string, life, renew time.Duration) (string, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if last, ok := t.issued[t.last[owner]]; ok {
		if left := last.expires.Sub(now); left > 0 && left >= renew {
			return t.last[owner], left
		}
	}
	value := NewCodec(fmt.Sprint("token/", owner)).Hex(prefix, len(t.issued)+1)
	t.issued[value] = &token{owner: owner, expires: now.Add(life)}
	t.last[owner] = value
	return value, life
}

// Extend gives a token its full life again.
func (t *Tokens) Extend(value string, life time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tok, ok := t.issued[value]; ok {
		tok.expires = t.now().Add(life)
	}
}

// Owner returns whose token it is and whether it has expired. The owner is empty
// for a token that was never issued.
func (t *Tokens) Owner(value string) (owner string, expired bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tok, ok := t.issued[value]
	if !ok {
		return "", false
	}
	return tok.owner, !t.now().Before(tok.expires)
}

// Expire ends a token's life now.
func (t *Tokens) Expire(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tok, ok := t.issued[value]; ok {
		tok.expires = t.now()
	}
}

// ExpireAll ends the life of all tokens now.
func (t *Tokens) ExpireAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tok := range t.issued {
		tok.expires = t.now()
	}
}

// Issued is how many different tokens were issued.
func (t *Tokens) Issued() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.issued)
}
