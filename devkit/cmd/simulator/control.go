package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// control changes the companies and how they are shown, for other programs.
// Answers are JSON; errors are {"error": text} with status 400 or 500.
type control struct {
	*http.ServeMux
	services map[string]*service
	state    string
	suite    *suite

	mu      sync.Mutex // one change at a time, so that the file holds what was changed
	unsaved bool
}

func newControl(services map[string]*service, suite *suite, state string) *control {
	c := &control{ServeMux: http.NewServeMux(), services: services, suite: suite, state: state}
	for pattern, answer := range map[string]func(*http.Request) (any, error){
		"GET /state":          c.counts,
		"GET /calls":          c.calls,
		"GET /throttled":      c.throttled,
		"DELETE /calls":       c.resetCalls,
		"GET /truth":          c.truth,
		"POST /drift":         c.drift,
		"POST /leave":         c.leave,
		"GET /app":            c.apps,
		"POST /app":           c.setApp,
		"GET /faults":         c.faults,
		"POST /faults":        c.addFaults,
		"DELETE /faults":      c.clearFaults,
		"POST /range":         c.setRange,
		"POST /codes":         c.issueCode,
		"POST /expire-tokens": c.expireTokens,
		"POST /change":        c.changePerson,
		"GET /events":         c.showEvents,
		"POST /events":        c.setEvents,
		"DELETE /events":      c.endEvents,
		"POST /suite":         c.setSuite,
	} {
		c.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { respond(w, r, answer) })
	}
	return c
}

// errOurs marks errors whose fault is not the caller's.
var errOurs = errors.New("simulator failed")

func respond(w http.ResponseWriter, r *http.Request, answer func(*http.Request) (any, error)) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	status := http.StatusOK
	body, err := answer(r)
	if err != nil {
		if status = http.StatusBadRequest; errors.Is(err, errOurs) {
			status = http.StatusInternalServerError
		}
		body = map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// read decodes a request strictly: a misspelt key would do nothing.
func read(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	return nil
}

// of returns the services that a request speaks of: one, or all if it names none.
func (c *control) of(vendor string) (map[string]*service, error) {
	if vendor == "" {
		return c.services, nil
	}
	s, err := c.one(vendor)
	return map[string]*service{vendor: s}, err
}

// one returns the service of a vendor.
func (c *control) one(vendor string) (*service, error) {
	s, ok := c.services[vendor]
	if !ok {
		return nil, fmt.Errorf("vendor %q is unknown; it must be one of %s", vendor, strings.Join(vendors[:], ", "))
	}
	return s, nil
}

// each collects something of all services spoken of.
func each[T any](c *control, vendor string, f func(*service) T) (any, error) {
	list, err := c.of(vendor)
	if err != nil {
		return nil, err
	}
	out := map[string]T{}
	for name, s := range list {
		out[name] = f(s)
	}
	return out, nil
}

func (c *control) counts(r *http.Request) (any, error) {
	return each(c, r.FormValue("vendor"), func(s *service) simulator.Counts { return s.company.Counts() })
}

func (c *control) calls(r *http.Request) (any, error) {
	return each(c, r.FormValue("vendor"), func(s *service) map[string]int { return s.Calls.All() })
}

// throttled are the calls refused for going over a documented limit.
func (c *control) throttled(r *http.Request) (any, error) {
	return each(c, r.FormValue("vendor"), func(s *service) map[string]int { return s.Throttled.All() })
}

func (c *control) resetCalls(r *http.Request) (any, error) {
	return each(c, r.FormValue("vendor"), func(s *service) bool { s.Calls.Reset(); s.Throttled.Reset(); return true })
}

func (c *control) faults(r *http.Request) (any, error) {
	return each(c, r.FormValue("vendor"), func(s *service) []simulator.Fault { return s.Faults.Pending() })
}

func (c *control) clearFaults(r *http.Request) (any, error) {
	return each(c, r.FormValue("vendor"), func(s *service) bool { s.Faults.Clear(); return true })
}

func (c *control) expireTokens(r *http.Request) (any, error) {
	return each(c, r.FormValue("vendor"), func(s *service) bool { s.Tokens.ExpireAll(); return true })
}

// truth is what a complete sync of a vendor must find, by its external ids.
func (c *control) truth(r *http.Request) (any, error) {
	vendor := r.FormValue("vendor")
	s, err := c.one(vendor)
	if err != nil {
		return nil, err
	}
	return s.company.Truth(directory.ProviderType(vendor)), nil
}

// shareRequest asks for a share of a company to change.
type shareRequest struct {
	Vendor string `json:"vendor,omitempty"`
	// Share is above 0 and up to 1.
	Share float64 `json:"share"`
	// Seed makes the outcome repeatable; 0 takes the company's version.
	Seed uint64 `json:"seed,omitempty"`
}

// drift changes a share of the people and departments.
func (c *control) drift(r *http.Request) (any, error) {
	return changeShare(c, r, (*simulator.Company).Drift)
}

// leave lets a share of the people leave.
func (c *control) leave(r *http.Request) (any, error) {
	return changeShare(c, r, (*simulator.Company).LeaveSome)
}

func changeShare[T any](c *control, r *http.Request,
	change func(company *simulator.Company, seed uint64, share float64) T) (any, error) {
	var in shareRequest
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if in.Share <= 0 || in.Share > 1 {
		return nil, fmt.Errorf("share must be above 0 and at most 1, not %v", in.Share)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	done, err := each(c, in.Vendor, func(s *service) T {
		seed := in.Seed
		if seed == 0 {
			seed = s.company.Counts().Version + 1
		}
		return change(s.company, seed, in.Share)
	})
	if err != nil {
		return nil, err
	}
	return done, c.save()
}

// saveAfter is how long the change of one person may be in memory only: a large company takes
// long to save, and changes may be many.
const saveAfter = 5 * time.Second

// saveLater saves a moment later, or when the program stops. The lock must be held.
func (c *control) saveLater() {
	if !c.unsaved {
		c.unsaved = true
		time.AfterFunc(saveAfter, func() { _ = c.flush() })
	}
}

// flush saves what was to be saved later.
func (c *control) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.unsaved {
		return nil
	}
	return c.save()
}

// save saves the companies. The lock must be held.
func (c *control) save() error {
	c.unsaved = false
	companies := map[string]*simulator.Company{}
	for name, s := range c.services {
		companies[name] = s.company
	}
	if err := saveState(c.state, companies); err != nil {
		return fmt.Errorf("%w: %w", errOurs, err)
	}
	return nil
}

type faultsRequest struct {
	Vendor string            `json:"vendor"`
	Faults []simulator.Fault `json:"faults"`
}

func (c *control) addFaults(r *http.Request) (any, error) {
	var in faultsRequest
	if err := read(r, &in); err != nil {
		return nil, err
	}
	return each(c, in.Vendor, func(s *service) int {
		s.Faults.Add(in.Faults...)
		return len(s.Faults.Pending())
	})
}

// codeRequest names a person by the external id.
type codeRequest struct {
	Vendor string `json:"vendor"`
	UserID string `json:"user_id"`
}

// issueCode returns the code that a page inside the vendor's own app gets of a person.
func (c *control) issueCode(r *http.Request) (any, error) {
	var in codeRequest
	if err := read(r, &in); err != nil {
		return nil, err
	}
	s, err := c.one(in.Vendor)
	if err != nil {
		return nil, err
	}
	var code string
	s.company.View(func(v *simulator.View) {
		if p, found := v.PersonByUserID(directory.ProviderType(in.Vendor), in.UserID); found {
			code = s.issueInApp(p.ID)
		}
	})
	if code == "" {
		return nil, fmt.Errorf("nobody at %s has the id %q; the ids are the directory's external ids", in.Vendor,
			in.UserID)
	}
	return map[string]string{"code": code, "flow": "in_app"}, nil
}

// rangeRequest names departments and people by external ids. None of either is
// the whole company. A range does not outlive the process.
type rangeRequest struct {
	Vendor      string   `json:"vendor"`
	Departments []string `json:"departments"`
	People      []string `json:"people"`
}

func (c *control) setRange(r *http.Request) (any, error) {
	var in rangeRequest
	if err := read(r, &in); err != nil {
		return nil, err
	}
	s, err := c.one(in.Vendor)
	if err != nil {
		return nil, err
	}
	if len(in.Departments)+len(in.People) == 0 {
		s.setRange(nil)
		return in, nil
	}
	granted, err := s.resolve(in)
	if err != nil {
		return nil, err
	}
	s.setRange(granted)
	return in, nil
}

func (s *service) resolve(in rangeRequest) (*simulator.Range, error) {
	granted := &simulator.Range{}
	vendor := directory.ProviderType(in.Vendor)
	var unknown []string
	for _, id := range in.Departments {
		if d, ok := s.company.ParseDepartmentID(vendor, id); ok {
			granted.Departments = append(granted.Departments, d)
		} else {
			unknown = append(unknown, id)
		}
	}
	s.company.View(func(v *simulator.View) {
		for _, id := range in.People {
			if p, ok := v.PersonByUserID(vendor, id); ok {
				granted.People = append(granted.People, p.ID)
			} else {
				unknown = append(unknown, id)
			}
		}
	})
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, fmt.Errorf("range: unknown ids %v", unknown)
	}
	return granted, nil
}
