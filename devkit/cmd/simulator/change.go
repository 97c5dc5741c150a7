package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// edit is what happens to one person.
type edit struct {
	UserID string `json:"user_id,omitempty" name:"user" placeholder:"ID" help:"The person, by external id; without one, some person."`
	Title  string `json:"title,omitempty" xor:"edit" help:"The person gets this title."`
	Move   bool   `json:"move,omitempty" xor:"edit" help:"The person works in another department from now on."`
	Leave  bool   `json:"leave,omitempty" xor:"edit" help:"The person leaves the company."`
}

func (e edit) validate() error {
	said := 0
	for _, one := range []bool{e.Title != "", e.Move, e.Leave} {
		if one {
			said++
		}
	}
	if said != 1 {
		return errors.New("say what happens to the person: one of title, move and leave")
	}
	return nil
}

// changeRequest changes one person of one company.
type changeRequest struct {
	Vendor string `json:"vendor"`
	edit
}

// changedPerson is who was changed, by external ids.
type changedPerson struct {
	UserID string `json:"user_id"`
	// Department is where a person works who has moved.
	Department string `json:"department,omitempty"`
}

func (c *control) changePerson(r *http.Request) (any, error) {
	var in changeRequest
	if err := read(r, &in); err != nil {
		return nil, err
	}
	s, err := c.one(in.Vendor)
	if err != nil {
		return nil, err
	}
	if err := in.validate(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	done, err := s.edit(directory.ProviderType(in.Vendor), in.edit)
	if err != nil {
		return nil, err
	}
	c.saveLater()
	return done, nil
}

// edit changes one person.
func (s *service) edit(vendor directory.ProviderType, e edit) (done changedPerson, err error) {
	who, to := s.draw(vendor, e.UserID)
	if who.ID == 0 {
		return done, fmt.Errorf("nobody at %s has the id %q; the ids are the directory's external ids", vendor,
			e.UserID)
	}
	done.UserID = s.company.UserID(vendor, who)
	switch {
	case e.Leave:
		err = s.company.Leave(who.ID)
	case e.Move:
		done.Department = s.company.DepartmentID(vendor, to)
		err = s.company.SetDepartments(who.ID, to)
	default:
		err = s.company.SetTitle(who.ID, e.Title)
	}
	return done, err
}

// draw returns the person of that id, or some person, and a department that is none of theirs.
func (s *service) draw(vendor directory.ProviderType, id string) (who simulator.Person, to simulator.Dept) {
	s.company.View(func(v *simulator.View) {
		if id != "" {
			who, _ = v.PersonByUserID(vendor, id)
		}
		if id == "" {
			who = some(v)
		}
		for d := range v.Departments() {
			if len(who.Departments) > 0 && d.ID != who.Departments[0] && (to == 0 || rand.IntN(8) == 0) {
				to = d.ID
			}
		}
	})
	return who, to
}

// some returns a person by chance who has not left.
func some(v *simulator.View) simulator.Person {
	last := int(v.LastPerson())
	from := rand.IntN(max(1, last))
	for n := range last {
		if who, _ := v.Person(simulator.PersonID(1 + (from+n)%last)); !who.Left {
			return who
		}
	}
	return simulator.Person{}
}

// change changes one person.
type change struct {
	running
	Vendor string `arg:"" enum:"feishu,dingtalk,wecom" help:"Whose company: ${enum}."`
	edit
}

// Validate wants one change.
func (c change) Validate() error { return c.edit.validate() }

func (c change) run(ctx context.Context, stdout io.Writer) error {
	var done changedPerson
	if err := c.post(ctx, "/change", changeRequest{c.Vendor, c.edit}, &done); err != nil {
		return err
	}
	what := "has the title " + c.Title
	switch {
	case c.Leave:
		what = "has left"
	case c.Move:
		what = "works in the department " + done.Department
	}
	_, err := fmt.Fprintf(stdout, "%s: %s %s\n", c.Vendor, done.UserID, what)
	return err
}
