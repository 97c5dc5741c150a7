package feishu

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// Page tokens are opaque, hold "/", "+" and "=" like real ones, and only serve
// the listing they were given for (feishu.md §2.2, §9.3).

// tokenMark encodes to "+/+/".
var tokenMark = []byte{0xfb, 0xff, 0xbf}

const tokenLength = 16

func (q *request) pageToken(offset int) string {
	raw := append([]byte(nil), tokenMark...)
	raw = binary.BigEndian.AppendUint32(raw, uint32(offset))
	sum := sha256.Sum256(
		[]byte(
			q.endpoint + "|" + q.department() + "|" + q.query.Get(
				"fetch_child",
			) + q.query.Get(
				"type",
			) + q.query.Get(
				"member_type",
			) + "|" + strconv.Itoa(
				offset,
			),
		),
	)
	return base64.StdEncoding.EncodeToString(append(raw, sum[:tokenLength-len(raw)]...))
}

// offset is where the page begins; ok is false for a token that is not ours.
func (q *request) offset() (offset int, ok bool) {
	token := q.query.Get("page_token")
	if token == "" {
		return 0, true
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(raw) != tokenLength || !bytes.HasPrefix(raw, tokenMark) {
		return 0, false
	}
	offset = int(binary.BigEndian.Uint32(raw[len(tokenMark):]))
	return offset, q.pageToken(offset) == token
}

// size is the page size asked for, or the default.
func (q *request) size(standard, most int) (int, *refusal) {
	text := q.query.Get("page_size")
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, invalidField("page_size")
	}
	if n < 1 || n > most {
		return 0, errPageSize
	}
	return n, nil
}

// page is the number of the page, for matching faults.
func (q *request) page() int {
	offset, _ := q.offset()
	size, refused := q.size(10, 100)
	if refused != nil {
		return 1
	}
	return offset/size + 1
}

// cut is the part of a list that a page shows.
type cut struct {
	from, to int
	more     bool
	// next is the token of the next page, nil if there is none.
	next *string
}

// paginate cuts a list of n into the page asked for.
func (q *request) paginate(n, standard, most int) (cut, *refusal) {
	size, refused := q.size(standard, most)
	if refused != nil {
		return cut{}, refused
	}
	from, ok := q.offset()
	if !ok {
		return cut{}, errPageToken
	}
	from = min(from, n) // the list may have become shorter since
	p := cut{from: from, to: min(from+size, n)}
	p.more = p.to < n
	switch {
	case p.more:
		p.next = new(q.pageToken(p.to))
	case q.cfg.EmptyLastToken:
		p.next = new("")
	}
	return p, nil
}

// listing is the data of a paged answer.
type listing[T any] struct {
	HasMore   bool    `json:"has_more"`
	PageToken *string `json:"page_token,omitempty"`
	Items     *[]T    `json:"items,omitempty"`
}

// page makes the answer's data and its shape from the items of a page.
func pageOf[T any](q *request, p cut, items []T, id string) (any, simulator.Shape, *refusal) {
	out := listing[T]{HasMore: p.more, PageToken: p.next}
	if len(items) > 0 || !q.cfg.OmitEmptyItems {
		out.Items = &items
	}
	return out, q.shape("data.items", id, p), nil
}

func (q *request) shape(list, id string, p cut) simulator.Shape {
	return simulator.Shape{
		List: list, ID: id, More: "data.has_more", Next: "data.page_token",
		Same: q.pageToken(p.from), First: q.pageToken(0),
	}
}
