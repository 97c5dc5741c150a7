package wecom

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
)

// The types of this file decode single fields. Those that decide something
// (id, userID) keep only a value of the documented type that directory.IDProblem has
// nothing against; the others take what
// they can get and count as not sent otherwise, so that one odd field never
// costs a record.

// envelope stands at the top level beside the data (wecom.md §1.1).
type envelope struct {
	Code    *int64 `json:"errcode"`
	Message text   `json:"errmsg"`
}

type wireDepartment struct { // wecom.md §2
	ID      id      `json:"id"`
	Parent  id      `json:"parentid"`
	Name    text    `json:"name"`
	Order   integer `json:"order"`
	Leaders userIDs `json:"department_leader"`
}

type wireMember struct { // wecom.md §3.3
	UserID         userID   `json:"userid"`
	Name           text     `json:"name"`
	Position       text     `json:"position"`
	Mobile         text     `json:"mobile"`
	Email          text     `json:"email"`
	BizMail        text     `json:"biz_mail"`
	Avatar         text     `json:"avatar"`
	Status         integer  `json:"status"`
	MainDepartment id       `json:"main_department"`
	Departments    ids      `json:"department"`
	Order          integers `json:"order"`
	Leader         integers `json:"is_leader_in_dept"`
	DirectLeader   userIDs  `json:"direct_leader"`
	Alias          text     `json:"alias"`
	Telephone      text     `json:"telephone"`
	Gender         text     `json:"gender"`
	Address        text     `json:"address"`
	Custom         extAttr  `json:"extattr"`
}

type wireIDRow struct { // wecom.md §3.2
	UserID     userID `json:"userid"`
	Department id     `json:"department"`
}

type wireTag struct { // wecom.md §4
	ID   id   `json:"tagid"`
	Name text `json:"tagname"`
}

type wireAdministrator struct { // wecom-more.md §D
	UserID   userID  `json:"userid"`
	AuthType integer `json:"auth_type"`
}

type wireAgent struct { // wecom.md §2, "Discover range": keys may be absent
	AgentID id      `json:"agentid"`
	Close   integer `json:"close"`
	Users   struct {
		User []json.RawMessage `json:"user"`
	} `json:"allow_userinfos"`
	Departments struct {
		ID []id `json:"partyid"`
	} `json:"allow_partys"`
	Tags struct {
		ID []id `json:"tagid"`
	} `json:"allow_tags"`
}

// decodeObject is json.Unmarshal for answers and records that must be objects:
// json.Unmarshal accepts null for anything.
func decodeObject(data []byte, out any) error {
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || trimmed[0] != '{' {
		return errors.New("not a JSON object")
	}
	return json.Unmarshal(data, out)
}

// text is an unimportant string: a number or boolean gives its literal text;
// null, arrays and objects count as not sent.
type text struct{ value *string }

func (t *text) UnmarshalJSON(data []byte) error {
	t.value = nil
	switch data[0] {
	case '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		t.value = &s
	case 'n', '[', '{':
	default:
		s := string(data)
		t.value = &s
	}
	return nil
}

func (t text) orEmpty() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// integer is an unimportant whole number, also when sent as a string; anything
// else counts as not sent. It never passes through a float.
type integer struct{ value *int64 }

func (i *integer) UnmarshalJSON(data []byte) error {
	i.value = nil
	if n, err := strconv.ParseInt(string(bytes.Trim(data, `"`)), 10, 64); err == nil {
		i.value = &n
	}
	return nil
}

// integers is a list of integer; anything but a list counts as not sent.
type integers []integer

func (l *integers) UnmarshalJSON(data []byte) error {
	*l = lenientList[integer](data)
	return nil
}

// id is a department's or an agent's number as its decimal text, "" unless it
// was sent as a JSON integer of zero or more.
type id string

func (v *id) UnmarshalJSON(data []byte) error {
	*v = ""
	if s := string(data); s == "0" || isID(s) {
		*v = id(s)
	}
	return nil
}

// looksLikeID is a number in any notation, also as text.
var looksLikeID = regexp.MustCompile(`^"?[-+.0-9]{1,20}"?$`)

// asSent shows what was sent in the place of an id, "" unless it may be shown: whatever
// does not look like a number may be something else.
func asSent(record json.RawMessage, key string) string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(record, &fields); err != nil || !looksLikeID.Match(fields[key]) {
		return ""
	}
	return string(fields[key])
}

// isID reports whether s is a positive decimal number in its only spelling.
func isID(s string) bool {
	if s == "" || s[0] == '0' || directory.IDProblem(s) != "" {
		return false
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

// ids is a list of id; anything but a list counts as not sent.
type ids []id

func (l *ids) UnmarshalJSON(data []byte) error {
	*l = lenientList[id](data)
	return nil
}

// userID is a member's id, "" unless it was sent as a JSON string.
type userID string

func (v *userID) UnmarshalJSON(data []byte) error {
	*v = ""
	if data[0] != '"' {
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	if directory.IDProblem(s) == "" {
		*v = userID(s)
	}
	return nil
}

// userIDs is a list of userID; anything but a list counts as not sent.
type userIDs []userID

func (l *userIDs) UnmarshalJSON(data []byte) error {
	*l = lenientList[userID](data)
	return nil
}

// lenientList decodes a list whose elements never fail; nil if data is no list.
func lenientList[T any](data []byte) []T {
	var list []T
	if err := json.Unmarshal(data, &list); err != nil {
		return nil
	}
	return list
}
