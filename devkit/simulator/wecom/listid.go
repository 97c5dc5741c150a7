package wecom

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// listIDBody is the JSON body of user/list_id; unknown keys are ignored. The
// query is not read, so that a GET gets the first page for ever (wecom.md §3.2).
type listIDBody struct {
	Cursor string `json:"cursor"`
	Limit  *int   `json:"limit"`
	bad    bool
}

// maxLimit is documented; that it is the default too is a choice.
const (
	maxLimit = 10_000
	maxBody  = 1 << 20
)

func readListID(r *http.Request) listIDBody {
	var body listIDBody
	if r.Body == nil {
		return body
	}
	err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&body)
	body.bad = err != nil && !errors.Is(err, io.EOF) // no body at all is fine
	return body
}

type row struct {
	UserID     string `json:"userid"`
	Department int64  `json:"department"`
}

type rowList struct {
	ok
	Next *string `json:"next_cursor,omitempty"`
	Rows []row   `json:"dept_user"`
}

// A cursor names the row a page begins with by person and place among the
// person's departments, so that changes between pages do not shift the rest.
const placesPerPerson = 128

func (s *Server) cursor(p simulator.PersonID, place int) string {
	return s.cursors.Hex("c-", int(p)*placesPerPerson+place)
}

func (s *Server) at(cursor string) (p simulator.PersonID, place int, ok bool) {
	if cursor == "" {
		return 1, 0, true
	}
	n, ok := s.cursors.FromHex("c-", cursor)
	return simulator.PersonID(n / placesPerPerson), n % placesPerPerson, ok && n >= placesPerPerson
}

// page tells faults the first page from later ones; which of those it is cannot
// be told from the cursor.
func (s *Server) page(q *request) int {
	if q.body.Cursor == "" {
		return 1
	}
	return 2
}

// listID lists one row per person and department; limit counts rows.
func (s *Server) listID(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	limit := maxLimit
	if q.body.Limit != nil {
		limit = *q.body.Limit
	}
	p, place, ok := s.at(q.body.Cursor)
	if q.body.bad || !ok || limit < 1 || limit > maxLimit {
		return nil, simulator.Shape{}, known(40058)
	}
	shape := simulator.Shape{
		List:  "dept_user",
		ID:    "userid",
		Next:  "next_cursor",
		Same:  s.cursor(p, place),
		First: s.cursor(1, 0),
	}
	answer := rowList{ok: success, Rows: []row{}}
	for ; p <= v.LastPerson(); p, place = p+1, 0 {
		who, _ := v.Person(p)
		if who.Left {
			continue
		}
		userid := s.company.UserID(directory.WeCom, who)
		list := v.Shuffled(who.Departments, int(p))
		for ; place < len(list); place++ {
			if len(answer.Rows) == limit {
				answer.Next = new(s.cursor(p, place))
				return answer, shape, nil
			}
			answer.Rows = append(answer.Rows, row{userid, int64(list[place])})
		}
	}
	if q.cfg.EmptyLastCursor {
		answer.Next = new("")
	}
	return answer, shape, nil
}
