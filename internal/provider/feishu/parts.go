package feishu

import (
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
)

// parts joins messages that come in several frames.
type parts struct {
	now  func() time.Time
	sets map[string]*partSet
	size int
}

type partSet struct {
	began time.Time
	parts [][]byte
	left  int
	size  int
}

// Limits of messages in parts. What is not complete by then comes again as a whole.
const (
	maxParts    = 1000
	maxSets     = 64
	partsWithin = 5 * time.Second
)

// join adds a frame. whole is true once all parts of its message are there.
func (p *parts) join(f *frame) (body []byte, whole bool, err error) {
	sum, err := partNumber(f.header("sum"), 1, maxParts)
	if err != nil {
		return nil, false, err
	}
	if sum == 1 {
		return f.payload, true, nil
	}
	seq, err := partNumber(f.header("seq"), 0, sum-1)
	id := f.header("message_id")
	if err != nil || id == "" || len(id) > maxEventText {
		return nil, false, errFrame
	}
	p.forget()
	set := p.sets[id]
	if set == nil {
		if len(p.sets) == maxSets {
			return nil, false, errFrame
		}
		set = &partSet{began: p.now(), parts: make([][]byte, sum), left: sum}
		if p.sets == nil {
			p.sets = map[string]*partSet{}
		}
		p.sets[id] = set
	}
	if len(set.parts) != sum || p.size+len(f.payload) > 2*provider.MaxMessage || set.parts[seq] == nil &&
		set.size+len(f.payload) > provider.MaxMessage {
		p.drop(id)
		return nil, false, errFrame
	}
	if set.parts[seq] == nil {
		set.parts[seq] = append([]byte{}, f.payload...)
		set.left--
		set.size += len(f.payload)
		p.size += len(f.payload)
	}
	if set.left > 0 {
		return nil, false, nil
	}
	for _, part := range set.parts {
		body = append(body, part...)
	}
	p.drop(id)
	return body, true, nil
}

// partNumber reads a number that is left out where a message is whole.
func partNumber(text string, least, most int) (int, error) {
	if text == "" {
		return least, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, errFrame
	}
	return n, nil
}

// forget drops messages whose other parts did not come.
func (p *parts) forget() {
	for id, set := range p.sets {
		if p.now().Sub(set.began) > partsWithin {
			p.drop(id)
		}
	}
}

func (p *parts) drop(id string) {
	if set := p.sets[id]; set != nil {
		p.size -= set.size
		delete(p.sets, id)
	}
}
