package wecom

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// user is a member's record (wecom.md §3.3). Pointers are the fields that apps
// created after 2022-06-20 do not get: nil leaves them out.
type user struct {
	UserID         string   `json:"userid"`
	Name           string   `json:"name"`
	Alias          string   `json:"alias"`
	Department     []int64  `json:"department"`
	Order          []int64  `json:"order,omitzero"`
	IsLeader       []int    `json:"is_leader_in_dept"`
	MainDepartment int64    `json:"main_department,omitempty"`
	DirectLeader   []string `json:"direct_leader"`
	Position       string   `json:"position"`
	Telephone      string   `json:"telephone"`
	Status         int      `json:"status"`
	ExtAttr        struct {
		Attrs []attr `json:"attrs"`
	} `json:"extattr"`

	Mobile    *string `json:"mobile,omitempty"`
	Email     *string `json:"email,omitempty"`
	BizMail   *string `json:"biz_mail,omitempty"`
	Address   *string `json:"address,omitempty"`
	Avatar    *string `json:"avatar,omitempty"`
	ThumbAva  *string `json:"thumb_avatar,omitempty"`
	QRCode    *string `json:"qr_code,omitempty"`
	GenderTxt *string `json:"gender,omitempty"`

	// Undocumented, still sent.
	Enable     int `json:"enable"`
	HideMobile int `json:"hide_mobile"`
	// Leader speaks of the department asked for.
	Leader *int `json:"isleader,omitempty"`
	// Extra stands for the unknown keys that may appear.
	Extra string `json:"sim_extra"`
}

// attr is the value of one of the corp's own fields: of type 0 a text, of type 1 a link.
type attr struct {
	Type int       `json:"type"`
	Name string    `json:"name"`
	Text *attrText `json:"text,omitempty"`
	Web  *attrWeb  `json:"web,omitempty"`
}

type attrText struct {
	Value string `json:"value"`
}

type attrWeb struct {
	URL   string `json:"url"`
	Title string `json:"title"`
}

func attrs(f simulator.Facts) []attr {
	list := []attr{}
	for _, c := range f.Custom {
		made := attr{Name: c.Field, Text: &attrText{c.Value}}
		if c.Link {
			made = attr{Type: 1, Name: c.Field, Web: &attrWeb{c.Value, c.Field}}
		}
		list = append(list, made)
	}
	return list
}

type userList struct {
	ok
	Users []user `json:"userlist"`
}

type oneUser struct {
	ok
	user
}

type simpleUser struct {
	UserID     string  `json:"userid"`
	Name       string  `json:"name"`
	Department []int64 `json:"department"`
}

type simpleList struct {
	ok
	Users []simpleUser `json:"userlist"`
}

// genders are undefined, 1 and 2 as text (wecom.md §3.3).
var genders = map[string]string{"": "0", "male": "1", "female": "2"}

// Statuses (wecom.md §3.3).
const (
	activated    = 1
	disabled     = 2
	notActivated = 4
)

func (s *Server) record(v *simulator.View, q *request, p simulator.Person) user {
	facts := v.Facts(p.ID)
	made := user{
		UserID: s.userID(q, p), Name: p.Name, Position: p.Title, Alias: facts.Alias, Telephone: facts.Telephone,
		Department: []int64{}, Order: []int64{}, IsLeader: []int{}, DirectLeader: []string{},
		Status: activated, Enable: 1, Extra: "x",
	}
	if s.hidesNames(q) {
		made.Name = made.UserID
	}
	made.ExtAttr.Attrs = attrs(facts)
	if manager, ok := v.Manager(p); ok && v.CoversPerson(q.visible(), manager) {
		made.DirectLeader = append(made.DirectLeader, s.userID(q, manager))
	}
	switch {
	case p.Frozen:
		made.Status, made.Enable = disabled, 0
	case !p.Activated:
		made.Status = notActivated
	}
	for _, d := range s.shown(v, q, p) {
		made.Department = append(made.Department, int64(d))
		made.Order = append(made.Order, v.MemberOrder(p.ID, d))
		leads := 0
		if v.Leads(p.ID, d) {
			leads = 1
		}
		made.IsLeader = append(made.IsLeader, leads)
		if q.byMembers || d == p.Departments[0] {
			made.MainDepartment = int64(d)
		}
	}
	switch {
	case q.allFields():
		var avatar, thumb string
		if p.Activated && facts.Picture != 0 {
			avatar = fmt.Sprintf("https://wework.example/%d/0", facts.Picture)
			thumb = fmt.Sprintf("https://wework.example/%d/100", facts.Picture)
		}
		mobile, gender := strings.TrimPrefix(p.Phone, "+86"), genders[facts.Gender]
		made.Mobile, made.Email, made.Avatar, made.GenderTxt = &mobile, &p.Email, &avatar, &gender
		made.BizMail, made.Address, made.ThumbAva, made.QRCode = &facts.WorkEmail, &facts.WorkPlace, &thumb, new("")
	case q.cfg.GenderZero:
		made.GenderTxt = new("0")
	}
	if q.byMembers {
		made.Order = nil
	}
	return made
}

// shown are the person's departments that the credential sees, in no useful order.
func (s *Server) shown(v *simulator.View, q *request, p simulator.Person) []simulator.Dept {
	if q.byMembers {
		return []simulator.Dept{simulator.Root} // always (wecom-more.md §E2)
	}
	return slices.DeleteFunc(v.Shuffled(p.Departments, int(p.ID)), func(d simulator.Dept) bool {
		return !v.Covers(q.visible(), d)
	})
}

// direct reads department_id and lists the people directly in it, or also those
// below where Config.HonourFetchChild says so.
func (s *Server) direct(v *simulator.View, q *request) (simulator.Dept, []simulator.PersonID, *refusal) {
	d, refused := s.find(v, q, q.query.Get("department_id"))
	if refused != nil {
		return 0, nil, refused
	}
	list := v.Members(d.ID)
	if q.cfg.HonourFetchChild && q.query.Get("fetch_child") == "1" {
		list = slices.Clone(list)
		for _, below := range v.Below(d.ID) {
			list = append(list, v.Members(below)...)
		}
		slices.Sort(list)
		list = slices.Compact(list)
	}
	return d.ID, list, nil
}

func (s *Server) listUsers(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	d, members, refused := s.direct(v, q)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	if q.cfg.MaxUserList > 0 && len(members) > q.cfg.MaxUserList {
		return nil, simulator.Shape{}, known(45029)
	}
	users := make([]user, 0, len(members))
	for _, id := range members {
		p, _ := v.Person(id)
		made := s.record(v, q, p)
		made.Leader = new(0)
		if v.Leads(id, d) {
			made.Leader = new(1)
		}
		users = append(users, made)
	}
	return userList{success, users}, simulator.Shape{List: "userlist", ID: "userid"}, nil
}

func (s *Server) simpleUsers(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	_, members, refused := s.direct(v, q)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	users := make([]simpleUser, 0, len(members))
	for _, id := range members {
		p, _ := v.Person(id)
		made := simpleUser{UserID: s.userID(q, p), Name: p.Name}
		if s.hidesNames(q) {
			made.Name = made.UserID
		}
		for _, d := range s.shown(v, q, p) {
			made.Department = append(made.Department, int64(d))
		}
		users = append(users, made)
	}
	return simpleList{success, users}, simulator.Shape{List: "userlist", ID: "userid"}, nil
}

// getUser answers the same to an unknown and to an invisible id (wecom.md §3.3).
func (s *Server) getUser(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	p, found := s.personOf(v, q, q.query.Get("userid"))
	if !found || p.Left || !v.CoversPerson(q.visible(), p) {
		return nil, simulator.Shape{}, known(60111)
	}
	return oneUser{success, s.record(v, q, p)}, simulator.Shape{Object: ".", ID: "userid"}, nil
}

// authorised is a member who authorised a suite.
type authorised struct {
	OpenUserID string `json:"open_userid"`
}

type authorisedList struct {
	ok
	Next    string       `json:"next_cursor"`
	Members []authorised `json:"member_auth_list"`
}

// maxAuthorised is how long a page may be, and is unless something else is asked for (wecom-more.md §E2).
const maxAuthorised = 1000

// listAuthorised lists the members who authorised the suite one by one: those of its range.
func (s *Server) listAuthorised(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	limit := maxAuthorised
	if q.body.Limit != nil {
		limit = *q.body.Limit
	}
	p, _, ok := s.at(q.body.Cursor)
	if q.body.bad || !ok || limit < 1 || limit > maxAuthorised {
		return nil, simulator.Shape{}, known(40058)
	}
	answer := authorisedList{ok: success, Members: []authorised{}}
	for ; p <= v.LastPerson(); p++ {
		who, _ := v.Person(p)
		if who.Left || !v.CoversPerson(q.visible(), who) {
			continue
		}
		if len(answer.Members) == limit {
			answer.Next = s.cursor(p, 0)
			break
		}
		answer.Members = append(answer.Members, authorised{s.userID(q, who)})
	}
	return answer, simulator.Shape{List: "member_auth_list", ID: "open_userid", Next: "next_cursor"}, nil
}
