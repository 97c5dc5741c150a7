package feishu

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// Vectors of feishu-more.md §A2.
const (
	pingFrame = "0800100018f681801020002a0c0a0474797065120470696e6732003a004a00"
	pongFrame = "0800100018f681801020002a0c0a04747970651204706f6e6732003a0042547b2250696e67496e74657276616c223a313230" +
		"2c225265636f6e6e656374436f756e74223a2d312c225265636f6e6e656374496e74657276616c223a3132302c225265636f" +
		"6e6e6563744e6f6e6365223a33307d4a00"
	eventFrame = "CAcQCBj2gYAQIAEqDQoEdHlwZRIFZXZlbnQqEQoKbWVzc2FnZV9pZBIDbS0xKggKA3N1bRIBMSoICgNzZXESATAq" +
		"DwoIdHJhY2Vf" +
		"aWQSA3QtMSoaCgl0aW1lc3RhbXASDTE3NjcyMjU2MDAwMDAyADoAQkJ7InNjaGVtYSI6IjIuMCIsImhlYWRlciI6eyJldmVudF90" +
		"eXBlIjoiY29udGFjdC51c2VyLnVwZGF0ZWRfdjMifX1KAkw5"
	answerFrame = "CAcQCBj2gYAQIAEqDQoEdHlwZRIFZXZlbnQqEQoKbWVzc2FnZV9pZBIDbS0xKggKA3N1bRIBMSoICgNzZXESATAq" +
		"DwoIdHJhY2Vf" +
		"aWQSA3QtMSoaCgl0aW1lc3RhbXASDTE3NjcyMjU2MDAwMDAqCwoGYml6X3J0EgEzMgA6AEIneyJjb2RlIjoyMDAsImhlYWRlcnMi" +
		"Om51bGwsImRhdGEiOm51bGx9SgJMOQ=="
)

func TestFrameVectors(t *testing.T) {
	t.Parallel()
	ping := frame{service: 33554678, headers: []frameHeader{{"type", "ping"}}}
	require.Equal(t, pingFrame, hex.EncodeToString(ping.encode()))

	message, err := hex.DecodeString(pongFrame)
	require.NoError(t, err)
	pong, err := decodeFrame(message)
	require.NoError(t, err)
	require.Equal(t, "pong", pong.header("type"))
	config, ok := wire.Parse(pong.payload)
	require.True(t, ok)
	require.Equal(t, 2*time.Minute, pingOf(config))

	message, err = base64.StdEncoding.DecodeString(eventFrame)
	require.NoError(t, err)
	event, err := decodeFrame(message)
	require.NoError(t, err)
	require.Equal(t, []any{uint64(7), uint64(8), int32(33554678), int32(methodData), "m-1", "L9"},
		[]any{event.seqID, event.logID, event.service, event.method, event.header("message_id"), event.logIDNew})
	event.headers = append(event.headers, frameHeader{"biz_rt", "3"})
	event.payload = []byte(`{"code":200,"headers":null,"data":null}`)
	require.Equal(t, answerFrame, base64.StdEncoding.EncodeToString(event.encode()))
}

// A pause of nought makes Feishu's own client ping without end.
func TestPausesThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		`{}`: 0, `{"PingInterval":0}`: 0, `{"PingInterval":-5}`: 0, `{"PingInterval":"x"}`: 0,
		`{"PingInterval":30}`: 30 * time.Second, `{"PingInterval":1e9}`: 0, `{"PingInterval":999999}`: longestPing,
	} {
		config, ok := wire.Parse([]byte(text))
		require.True(t, ok)
		require.Equal(t, want, pingOf(config), text)
	}
}

func part(id string, sum, seq int, payload string) *frame {
	return &frame{method: methodData, payload: []byte(payload), headers: []frameHeader{
		{"type", "event"}, {"message_id", id}, {"sum", strconv.Itoa(sum)}, {"seq", strconv.Itoa(seq)},
	}}
}

func TestMessagesInParts(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	p := parts{now: func() time.Time { return now }}
	take := func(f *frame) (string, bool, error) {
		body, whole, err := p.join(f)
		return string(body), whole, err
	}
	_, whole, err := take(part("a", 3, 2, "C"))
	require.NoError(t, err)
	require.False(t, whole)
	_, whole, _ = take(part("b", 2, 0, "x"))
	require.False(t, whole)
	_, whole, _ = take(part("a", 3, 2, "C")) // twice
	require.False(t, whole)
	_, whole, _ = take(part("a", 3, 0, "A"))
	require.False(t, whole)
	body, whole, _ := take(part("a", 3, 1, "B"))
	require.Equal(t, []any{"ABC", true}, []any{body, whole})

	now = now.Add(partsWithin + time.Second)
	_, whole, _ = take(part("b", 2, 1, "y")) // its other part came too long ago
	require.False(t, whole)
	require.Len(t, p.sets, 1)

	for _, f := range []*frame{
		part("c", 0, 0, ""), part("c", 2, 2, ""), part("c", maxParts+1, 0, ""), part("", 2, 0, ""),
		part("c", 2, 0, string(make([]byte, provider.MaxMessage+1))), {headers: []frameHeader{{"sum", "x"}}},
	} {
		_, _, err := take(f)
		require.Error(t, err)
	}
	for i := range maxSets {
		_, _, err = take(part("set"+strconv.Itoa(i), 2, 0, "x"))
	}
	require.Error(t, err, "no more messages in parts at a time than that")
}

// FuzzFrame: whatever comes, a frame reads back as itself, and an event from it is refused or
// names an object.
func FuzzFrame(f *testing.F) {
	for _, text := range []string{eventFrame, answerFrame} {
		message, err := base64.StdEncoding.DecodeString(text)
		require.NoError(f, err)
		f.Add(message)
	}
	pong, err := hex.DecodeString(pongFrame)
	require.NoError(f, err)
	f.Add(pong)
	f.Fuzz(func(t *testing.T, message []byte) {
		read, err := decodeFrame(message)
		if err != nil {
			return
		}
		again, err := decodeFrame(read.encode())
		require.NoError(t, err)
		require.Equal(t, read.headers, again.headers)
		require.Equal(t, string(read.payload), string(again.payload))
		p := parts{now: time.Now}
		if body, whole, err := p.join(read); err == nil && whole {
			requireUsable(t, body)
		}
	})
}

func requireUsable(t *testing.T, body []byte) {
	decoded, err := decodeEvent(body)
	if err != nil {
		return
	}
	for _, e := range decoded.reduced {
		require.NotEmpty(t, e.ID)
		require.NotEmpty(t, e.Kind)
		require.LessOrEqual(t, len(e.ID)+len(e.Kind), 2*maxEventText)
		require.Equal(t, provider.UsableEventIDs(e.IDs), e.IDs)
		require.False(t, (e.Object == provider.ObjectMember || e.Object == provider.ObjectDepartment) && e.IDs == nil)
	}
}
