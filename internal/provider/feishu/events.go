package feishu

import (
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// decoded is an event as it came, by callback or by a long connection.
type decoded struct {
	token, appID string
	reduced      []provider.Event
}

// decodeEvent reads an event of either schema and keeps what it is about. Its content is not
// used: fields may be missing, and departments of people are (feishu.md §6.4).
func decodeEvent(body []byte) (decoded, error) {
	r, ok := wire.Parse(body)
	if !ok {
		return decoded{}, provider.Refuse(provider.RefusedMalformed)
	}
	event := r.Object("event")
	var out decoded
	e := provider.Event{}
	if schema, _ := r["schema"].(string); schema == "2.0" {
		header := r.Object("header")
		out.token, out.appID = text(header, "token"), text(header, "app_id")
		e.ID, e.Kind = text(header, "event_id"), text(header, "event_type")
		e.At = eventTime(text(header, "create_time"))
	} else {
		out.token, out.appID = text(r, "token"), text(event, "app_id")
		e.ID, e.Kind = text(r, "uuid"), text(event, "type")
	}
	if e.ID == "" || len(e.ID) > maxEventText || e.Kind == "" || len(e.Kind) > maxEventText {
		return decoded{}, provider.Refuse(provider.RefusedMalformed)
	}
	reduce(&e, event)
	out.reduced = []provider.Event{e}
	return out, nil
}

// maxEventText is how many bytes an event's id or kind may have.
const maxEventText = 256

func text(r wire.Record, key string) string {
	s, _ := r[key].(string)
	return s
}

// reduce says what an event is about (feishu.md §6.4, feishu-more.md §A3).
func reduce(e *provider.Event, event wire.Record) {
	object, old := event.Object("object"), event.Object("old_object")
	switch {
	case strings.HasPrefix(e.Kind, "contact.user."):
		e.Object = provider.ObjectMember
		e.IDs = firstID(object, "user_id", "open_id")
	case strings.HasPrefix(e.Kind, "contact.department."):
		e.Object = provider.ObjectDepartment
		if e.IDs = firstID(object, "open_department_id"); e.IDs == nil {
			e.IDs = firstID(old, "open_department_id")
		}
	case e.Kind == "contact.scope.updated_v3":
		e.Object = provider.ObjectScope
	}
	if e.IDs == nil && e.Object.NeedsID() || e.Object == "" {
		e.Object = provider.ObjectOther
	}
}

// firstID is the first of the keys that holds an id.
func firstID(r wire.Record, keys ...string) []string {
	for _, key := range keys {
		if id, problem := r.ID(key); id != "" && problem == "" {
			return []string{id}
		}
	}
	return nil
}

// eventTime reads milliseconds or, as one page shows, microseconds (feishu.md §6.2).
func eventTime(digits string) time.Time {
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil || n <= 0:
		return time.Time{}
	case len(digits) >= 16:
		return time.UnixMicro(n)
	default:
		return time.UnixMilli(n)
	}
}
