package dingtalk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

// Frames of dingtalk-more.md §A2, in all spellings of its pages.
var frames = []string{
	`{"specVersion":"1.0","type":"EVENT","headers":{"topic":"*","messageId":"m-1","contentType":"application/json",` +
		`"time":"1767225600000","eventType":"user_leave_org","eventId":"e-1","eventCorpId":"dingsimcorp0001",` +
		`"eventBornTime":"1767225600000","eventUnifiedAppId":"ua-1"},` +
		`"data":"{\"timeStamp\":\"1767225600000\",\"userId\":[\"0123456701\"]}"}`,
	`{"type":"EVENT","header":{"topic":"dingTalk","messageId":"m-1","time":1767225600000,"eventType":"user_leave_org",` +
		`"eventId":"e-1","eventBornTime":1767225600000},"data":"{\"userId\":[\"0123456701\"]}"}`,
}

func TestFrames(t *testing.T) {
	t.Parallel()
	for _, text := range frames {
		f, err := decodeFrame([]byte(text))
		require.NoError(t, err)
		require.Equal(t, []string{"EVENT", "m-1"}, []string{f.kind, f.header("messageId")})
		events, err := f.events()
		require.NoError(t, err)
		require.Len(t, events, 1)
		e := events[0]
		require.Equal(t, []any{"e-1", "user_leave_org", provider.ObjectMember, int64(1767225600000)},
			[]any{e.ID, e.Kind, e.Object, e.At.UnixMilli()})
		require.Equal(t, []string{"0123456701"}, e.IDs)
	}
	for _, text := range []string{``, `[]`, `"x"`} {
		_, err := decodeFrame([]byte(text))
		require.Error(t, err)
	}
	for _, text := range []string{`{"type":"EVENT"}`, `{"type":"EVENT","headers":{"eventType":"x"},"data":"["}`} {
		f, err := decodeFrame([]byte(text))
		require.NoError(t, err)
		_, err = f.events()
		require.ErrorAs(t, err, new(*provider.RefusedError))
	}
}

// Events of roles and administrators name lists to be read again, and members to be looked up
// beside them (dingtalk-more.md §A3).
func TestEventsOfRoles(t *testing.T) {
	t.Parallel()
	type about struct {
		object provider.EventObject
		ids    []string
	}
	for kind, c := range map[string]struct {
		fields string
		want   []about
	}{
		"label_user_change": {`{"action":"add","userIdList":["u1","u2"],"labelIdList":[1881]}`,
			[]about{{provider.ObjectGroup, []string{"1881"}}, {provider.ObjectMember, []string{"u1", "u2"}}}},
		"label_conf_add": {`{"scope":"1","labelIdList":[1688607309]}`,
			[]about{{provider.ObjectGroup, []string{"1688607309"}}}},
		"label_conf_del": {`{}`, []about{{provider.ObjectGroup, nil}}},
		"org_admin_remove": {`{"userId":["u1"]}`,
			[]about{{provider.ObjectAdministrator, nil}, {provider.ObjectMember, []string{"u1"}}}},
		"org_admin_add": {`{}`, []about{{provider.ObjectAdministrator, nil}}},
		"user_add_org":  {`{}`, []about{{provider.ObjectOther, nil}}},
	} {
		f := frame{headers: fields{"eventtype": kind, "eventid": "e-1"}, data: c.fields}
		events, err := f.events()
		require.NoError(t, err)
		var got []about
		for _, e := range events {
			require.Equal(t, "e-1", e.ID)
			got = append(got, about{e.Object, e.IDs})
		}
		require.Equal(t, c.want, got, kind)
	}
}

// FuzzFrame: whatever comes, an event is refused, or has an id, a kind, and ids that can be stored.
func FuzzFrame(f *testing.F) {
	for _, text := range frames {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		read, err := decodeFrame(message)
		if err != nil {
			return
		}
		events, err := read.events()
		if err != nil {
			return
		}
		for _, e := range events {
			require.NotEmpty(t, e.ID)
			require.NotEmpty(t, e.Kind)
			require.LessOrEqual(t, len(e.ID)+len(e.Kind), 2*maxEventText)
			require.Equal(t, provider.UsableEventIDs(e.IDs), e.IDs)
		}
	})
}
