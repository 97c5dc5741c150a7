package db_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// The tests write companies as text, an object a line (or between semicolons).
//
// Departments: "1" is a top, "10<1" hangs below 1, "10<" has a parent that was not
// sent. Then key=value: name, order, declared, leaders (ids with commas), raw;
// "noname" for a name that was not sent; how reading it ended: children=fail,
// members=fail, members=open, members=bad, members=via:ID.
//
// Members: the external id, then key=value: u (unionid), o (open id), name, email,
// phone, avatar, title, status, activated, raw, keeps (fields of raw, with commas), in;
// "fallback" for an external id
// that stands in for a better one, "noname" for a name that was not sent, "noraw" for a
// record that was not sent. What is
// not written was not sent, "email=" was sent empty. in=10,11^5!#7 places the person
// in 10 and 11, there with primary rank 5, as leader (~ for: not) and sort order 7.
// %20 and the like stand for what would end a value.

type stagedDepartment struct {
	db.StagedDepartment
	children, members string // how reading it ended, empty: to the end
}

func lines(text string) []string {
	var out []string
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == ';' }) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// parse splits a line into the object's id, its values and its bare words.
func parse(line string) (id string, values map[string]string, words map[string]bool) {
	fields := strings.Fields(line)
	values, words = map[string]string{}, map[string]bool{}
	for _, field := range fields[1:] {
		if key, value, ok := strings.Cut(field, "="); ok {
			if decoded, err := url.PathUnescape(value); err == nil {
				value = decoded
			}
			values[key] = value
		} else {
			words[field] = true
		}
	}
	return fields[0], values, words
}

func departmentsOf(text string) []stagedDepartment {
	var out []stagedDepartment
	for _, line := range lines(text) {
		id, v, words := parse(line)
		id, parent, below := strings.Cut(id, "<")
		d := stagedDepartment{children: v["children"], members: v["members"]}
		d.ExternalID, d.ParentID, d.Top = id, parent, !below
		d.ChildrenMethod, d.ChildrenVia, d.MembersMethod, d.MembersVia = "children", id, "department", id
		if via, covered := strings.CutPrefix(d.members, "via:"); covered {
			d.MembersMethod, d.MembersVia = "", via
		}
		d.Name = text2(v, "name", "D"+id, words["noname"])
		d.SortOrder = number(v, "order")
		if n := number(v, "declared"); n != nil {
			declared := int(*n)
			d.DeclaredMembers = &declared
		}
		if leaders, ok := v["leaders"]; ok {
			d.Leaders = strings.FieldsFunc(leaders, func(r rune) bool { return r == ',' })
			if d.Leaders == nil {
				d.Leaders = []string{}
			}
		}
		d.Raw = json.RawMessage("{}")
		if raw, ok := v["raw"]; ok {
			d.Raw = json.RawMessage(raw)
		}
		out = append(out, d)
	}
	return out
}

func membersOf(text string, p providers.Provider) []db.StagedMember {
	var out []db.StagedMember
	for _, line := range lines(text) {
		id, v, words := parse(line)
		m := db.StagedMember{Key: p.MemberKey(id)}
		m.ExternalID, m.ExternalIDIsFallback, m.UnionID, m.OpenID = id, words["fallback"], v["u"], v["o"]
		m.Name = text2(v, "name", "N"+id, words["noname"])
		if m.Name != nil {
			m.TranslitFull, m.TranslitInitial = strings.ToLower(*m.Name), strings.ToLower((*m.Name + " ")[:1])
		}
		m.Email, m.Phone, m.AvatarURL, m.Title = text1(v, "email"), text1(v, "phone"), text1(v, "avatar"), text1(v,
			"title")
		m.EmployeeNo, m.Manager = text1(v, "no"), text1(v, "mgr")
		if city, ok := v["city"]; ok {
			m.Attributes = directory.Attributes{}
			m.Attributes.Text(directory.City, &city)
		}
		m.Status = (*directory.Status)(text1(v, "status"))
		if activated, ok := v["activated"]; ok {
			yes := activated == "true"
			m.Activated = &yes
		}
		m.Raw = json.RawMessage(fmt.Sprintf(`{"id": %q}`, id))
		if raw, ok := v["raw"]; ok {
			m.Raw = json.RawMessage(raw)
		}
		if words["noraw"] {
			m.Raw = nil
		}
		if keeps, ok := v["keeps"]; ok {
			m.RawKeeps = strings.Split(keeps, ",")
		}
		for _, place := range strings.FieldsFunc(v["in"], func(r rune) bool { return r == ',' }) {
			m.Memberships = append(m.Memberships, membershipOf(place))
		}
		out = append(out, m)
	}
	return out
}

func membershipOf(place string) directory.Membership {
	end := strings.IndexAny(place, "^!~#")
	if end < 0 {
		return directory.Membership{DepartmentID: place}
	}
	p := directory.Membership{DepartmentID: place[:end]}
	for rest := place[end:]; rest != ""; {
		mark := rest[0]
		rest = rest[1:]
		value := rest
		if next := strings.IndexAny(rest, "^!~#"); next >= 0 {
			value = rest[:next]
		}
		rest = rest[len(value):]
		switch mark {
		case '^':
			p.PrimaryRank = number(map[string]string{"": value}, "")
		case '#':
			p.SortOrder = number(map[string]string{"": value}, "")
		default:
			leader := mark == '!'
			p.Leader = &leader
		}
	}
	return p
}

func text1(values map[string]string, key string) *string {
	value, ok := values[key]
	if !ok {
		return nil
	}
	return &value
}

// text2 is text1 with a value for what is not written, and a way not to send it.
func text2(values map[string]string, key, otherwise string, absent bool) *string {
	if absent {
		return nil
	}
	if value := text1(values, key); value != nil {
		return value
	}
	return &otherwise
}

// number is nil for what is not written or not a number.
func number(values map[string]string, key string) *int64 {
	n, err := strconv.ParseInt(values[key], 10, 64)
	if err != nil {
		return nil
	}
	return &n
}
