package dingtalk

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// fields reads an event's keys in whatever capitals: pages and captured messages differ
// (dingtalk.md §7.3).
type fields map[string]any

func fieldsOf(r wire.Record) fields {
	f := fields{}
	for key, value := range r {
		f[strings.ToLower(key)] = value
	}
	return f
}

// text reads a text, or a number as one.
func (f fields) text(key string) string {
	switch v := f[key].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return ""
	}
}

// ids reads a list of ids, which are texts or numbers.
func (f fields) ids(key string) (ids []string) {
	list, ok := f[key].([]any)
	if !ok && f[key] != nil {
		list = []any{f[key]}
	}
	for _, one := range list {
		ids = append(ids, fields{"id": one}.text("id"))
	}
	return provider.UsableEventIDs(ids)
}

// maxEventText is how many bytes an event's id or kind may have.
const maxEventText = 256

// decodeCallback reads what came by callback. A check of the address brings no event.
func decodeCallback(plain []byte) ([]provider.Event, error) {
	r, ok := wire.Parse(plain)
	if !ok {
		return nil, provider.Refuse(provider.RefusedMalformed)
	}
	f := fieldsOf(r)
	kind := f.text("eventtype")
	if strings.HasPrefix(kind, "check_") {
		return nil, nil
	}
	at := eventTime(cmp.Or(f.text("eventtime"), f.text("timestamp")))
	return eventsOf(kind, f.text("eventid"), at, f)
}

// eventsOf reduces a message to what it is about (dingtalk.md §7.3, dingtalk-more.md §A3): of roles
// and administrators also to the members concerned, who prove what a list lacks then.
func eventsOf(kind, id string, at time.Time, f fields) ([]provider.Event, error) {
	e := provider.Event{ID: id, Kind: kind, At: at, Object: provider.ObjectOther}
	var members []string
	switch kind {
	case "user_add_org", "user_modify_org", "user_leave_org", "user_active_org":
		e.Object, e.IDs = provider.ObjectMember, f.ids("userid")
	case "org_dept_create", "org_dept_modify", "org_dept_remove":
		e.Object, e.IDs = provider.ObjectDepartment, f.ids("deptid")
	case "label_user_change":
		e.Object, e.IDs, members = provider.ObjectGroup, f.ids("labelidlist"), f.ids("useridlist")
	case "label_conf_add", "label_conf_modify", "label_conf_del":
		e.Object, e.IDs = provider.ObjectGroup, f.ids("labelidlist")
	case "org_admin_add", "org_admin_remove":
		e.Object, members = provider.ObjectAdministrator, f.ids("userid")
	case "inner_app_scopes_change":
		e.Object = provider.ObjectScope
	}
	if len(e.IDs) == 0 && e.Object.NeedsID() {
		e.Object = provider.ObjectOther
	}
	if e.ID == "" {
		e.ID = kind + "/" + strconv.FormatInt(at.UnixMilli(), 10)
	}
	if kind == "" || len(kind) > maxEventText || len(e.ID) > maxEventText {
		return nil, provider.Refuse(provider.RefusedMalformed)
	}
	return append([]provider.Event{e}, e.Beside(provider.ObjectMember, members)...), nil
}

// eventTime reads milliseconds.
func eventTime(digits string) time.Time {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(n)
}
