package wecom

import (
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// tag is an item of tag/list (wecom.md §4).
type tag struct {
	ID   int64  `json:"tagid"`
	Name string `json:"tagname"`
}

type tagList struct {
	ok
	Tags []tag `json:"taglist"`
}

type oneTag struct {
	ok
	Name    string              `json:"tagname"`
	Users   []map[string]string `json:"userlist"`
	Parties []int64             `json:"partylist"`
}

// listTags shows all tags to both credentials (wecom-more.md §C).
func (s *Server) listTags(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	list := []tag{}
	for g := range v.Groups() {
		if q.owner == suiteApp {
			break // it made none
		}
		list = append(list, tag{int64(g.ID), g.Name})
	}
	return tagList{success, list}, simulator.Shape{List: "taglist", ID: "tagid"}, nil
}

// getTag shows of a tag's members and departments those in the visible range: a tag may
// look empty (wecom-more.md §C).
func (s *Server) getTag(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	id, ok := s.company.ParseGroupID(directory.WeCom, q.query.Get("tagid"))
	found, exists := v.Group(id)
	if !ok || !exists {
		return nil, simulator.Shape{}, known(40068)
	}
	answer := oneTag{ok: success, Name: found.Name, Users: []map[string]string{}, Parties: []int64{}}
	if s.suite != nil && q.owner == suiteApp { // which sees its own tags only (wecom-more.md §C)
		return nil, simulator.Shape{}, known(40068)
	}
	for _, p := range found.Members {
		if who, _ := v.Person(p); v.CoversPerson(q.visible(), who) {
			answer.Users = append(
				answer.Users,
				map[string]string{"userid": s.userID(q, who), "name": who.Name},
			)
		}
	}
	for _, d := range found.Departments {
		if v.Covers(q.visible(), d) {
			answer.Parties = append(answer.Parties, int64(d))
		}
	}
	return answer, simulator.Shape{List: "userlist", ID: "userid"}, nil
}

// listAdministrators shows who manages the app (1) and who only sends its messages (0).
// Of an app built by a service provider that is no Platform's userids are as elsewhere, though
// they are encrypted (wecom-more.md §D).
func (s *Server) listAdministrators(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	list := []map[string]any{}
	for authType, level := range []directory.AdministratorLevel{directory.SubAdministrator,
		directory.MainAdministrator} {
		for _, p := range v.Administrators(level) {
			who, _ := v.Person(p)
			list = append(list, map[string]any{"userid": s.userID(q, who), "auth_type": authType})
		}
	}
	return map[string]any{"errcode": 0, "errmsg": "ok", "admin": list}, simulator.Shape{List: "admin",
		ID: "userid"}, nil
}
