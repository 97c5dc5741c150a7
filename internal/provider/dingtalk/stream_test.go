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
		e, err := f.event()
		require.NoError(t, err)
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
		_, err = f.event()
		require.ErrorAs(t, err, new(*provider.RefusedError))
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
		e, err := read.event()
		if err != nil {
			return
		}
		require.NotEmpty(t, e.ID)
		require.NotEmpty(t, e.Kind)
		require.LessOrEqual(t, len(e.ID)+len(e.Kind), 2*maxEventText)
		require.Equal(t, provider.UsableEventIDs(e.IDs), e.IDs)
	})
}
