package simulator

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
)

// The parameters by which a tester's choice is added to a sign-in page's own address.
const (
	pickPerson = "sim_person"
	pickSearch = "sim_search"
	pickAnswer = "sim_answer"
)

// Answers of a tester beside the person's own consent.
const (
	answerOutsider = "outsider"
	answerRefuse   = "refuse"
)

// mostShown is how many people the page lists.
const mostShown = 50

//go:embed signin.html
var signInHTML string

var signInPage = template.Must(template.New("signin").Parse(signInHTML))

// SignIn is one visit to a vendor's sign-in page.
type SignIn struct {
	Type directory.ProviderType
	// Problem, if there is one, is all that the page shows: it sends nobody back.
	Problem string
	// RedirectURL is where the visitor is sent back to, with State.
	RedirectURL string
	State       string
	// Issue makes a code for what the person agreed to, or says why they cannot.
	Issue func(v *View, g Grant) (code, problem string)
	// CodeNames are the parameters in which the code goes back.
	CodeNames []string
	// Refusal are the parameters that go back if the person refuses.
	Refusal url.Values
}

// shownPage is what the page shows.
type shownPage struct {
	Problem, Search, Refuse string
	// Rest are the parameters of the page's address.
	Rest   map[string]string
	People []choice
}

// choice is one person on the page.
type choice struct {
	Name, ID, Link, Outsider string
}

// ServeSignIn answers a visit: with the page, or once a tester has picked a person, with the
// way back.
func (c *Company) ServeSignIn(w http.ResponseWriter, r *http.Request, s SignIn) {
	query := r.URL.Query()
	if s.Problem != "" {
		showSignIn(w, http.StatusBadRequest, shownPage{Problem: s.Problem})
		return
	}
	if query.Get(pickAnswer) == answerRefuse {
		sendBack(w, r, s, s.Refusal)
		return
	}
	c.View(func(v *View) {
		if id := query.Get(pickPerson); id != "" {
			c.pick(w, r, v, s, id)
			return
		}
		page := shownPage{
			Search: query.Get(pickSearch), Refuse: with(r.URL, pickAnswer, answerRefuse), Rest: map[string]string{},
		}
		for name := range query {
			if name != pickSearch {
				page.Rest[name] = query.Get(name)
			}
		}
		for p := range v.People() {
			if p.Left || !strings.Contains(p.Name, page.Search) || len(page.People) == mostShown {
				continue
			}
			id := c.UserID(s.Type, p)
			page.People = append(page.People, choice{
				p.Name, id, with(r.URL, pickPerson, id), with(r.URL, pickPerson, id, pickAnswer, answerOutsider),
			})
		}
		showSignIn(w, http.StatusOK, page)
	})
}

func (c *Company) pick(w http.ResponseWriter, r *http.Request, v *View, s SignIn, id string) {
	p, ok := v.PersonByUserID(s.Type, id)
	problem := "nobody has this id"
	var code string
	if ok {
		code, problem = s.Issue(v, Grant{
			Person: p.ID, Outsider: r.URL.Query().Get(pickAnswer) == answerOutsider, RedirectURL: s.RedirectURL,
		})
	}
	if problem != "" {
		s.Problem = problem
		c.ServeSignIn(w, r, s)
		return
	}
	back := url.Values{}
	for _, name := range s.CodeNames {
		back.Set(name, code)
	}
	sendBack(w, r, s, back)
}

// sendBack redirects to the address that the page was given, whose own query is kept.
func sendBack(w http.ResponseWriter, r *http.Request, s SignIn, add url.Values) {
	to, err := url.Parse(s.RedirectURL)
	if err != nil {
		http.Error(w, "redirect", http.StatusBadRequest)
		return
	}
	query := to.Query()
	for name, values := range add {
		query[name] = values
	}
	if s.State != "" {
		query.Set("state", s.State)
	}
	to.RawQuery = query.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

// with is the page's own address with more parameters.
func with(u *url.URL, pairs ...string) string {
	query := u.Query()
	for i := 0; i < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	return "?" + query.Encode()
}

func showSignIn(w http.ResponseWriter, status int, page shownPage) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = signInPage.Execute(w, page)
}

// Registered reports whether an address is one of those registered, exactly; none registered
// lets all in that are http or https and have no fragment.
func Registered(address string, registered []string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Fragment != "" {
		return false
	}
	if len(registered) == 0 {
		return true
	}
	for _, r := range registered {
		if r == address {
			return true
		}
	}
	return false
}
