package feishu

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

// Vectors of feishu-more.md §A1.
const (
	vectorKey   = "sim-Encrypt-Key-01"
	vectorToken = "vt-sim-01"
	checkBody   = `{"encrypt":"` +
		"EBESExQVFhcYGRobHB0eH9zMtVPdN21q/dWT7QANNVjtRcZ5StQXz4weNv+8o/p4nrO+MQCcnYPnJKO4" +
		"nmFSIbXcg8hDW5/KwE17qkLhKouBNbhFqPoUDuvlCaYl5ns0" +
		`"}`
	checkSignature = "168c9a1a43144209d5c35ab6c1a30580318ac3096a33e25c10e5269f5f01e4b5"
	eventBody      = `{"encrypt":"` +
		"EBESExQVFhcYGRobHB0eH7T52tw5NJXJreYTX6WiS9kaXZ+oDehMcXbr8WXjRkZOWm53MsoW+iBpi3zs+8O223S8IvraV2vXG6Ki" +
		"UAh5aOvm9FghqV/9HwyZ+h9ROzasARzRJo0l79yMwGT1D/+pHKHsO26MuzwSlB2DHW6q5KcH1jqHPkomY1GAJ6nHkYqWFyO+kiOM" +
		"Jxyr4hGl6Tzk2OieY6aCaIujTwfxfmgvdxnczx6BZhvqHC0L0/TDOgjhwRL29ApX8Xo5EwX8g+J/CQ4K3WGGfIFfG3KEDt7UwMLS" +
		"sdMQw4ETh6tpZM5kf1H/c/oKzPYOucX4YE4BS237Z8AxbrvfbMDoPae1ATGlKA8meYod6wrFnXUvo8JXgvio" +
		"" +
		`"}`
	eventSignature = "13117af9e68565a5744d5bd97a11468997763d945cdc6b1228bde5106bd181a7"
	wholePad       = "EBESExQVFhcYGRobHB0eH3y/sUem08bmJMGlWATyLSgiupNOW3cSkXyEL1gJrkG3"
)

var vectorTime = time.Unix(1767225600, 0)

func vectorCallback(t *testing.T) provider.Callback {
	t.Helper()
	c, err := openCallback(provider.Settings{
		"app_id": "cli_sim", keyEncrypt: vectorKey, keyVerification: vectorToken,
	})
	require.NoError(t, err)
	return c
}

func request(body, signature string) provider.CallbackRequest {
	header := http.Header{}
	header.Set("X-Lark-Request-Timestamp", "1767225600")
	header.Set("X-Lark-Request-Nonce", "n-abc")
	if signature != "" {
		header.Set("X-Lark-Signature", signature)
	}
	return provider.CallbackRequest{Method: http.MethodPost, Header: header, Body: []byte(body), Now: vectorTime}
}

func TestCallbackVectors(t *testing.T) {
	t.Parallel()
	c := vectorCallback(t)
	for _, signature := range []string{"", checkSignature} {
		checked, err := c.Receive(request(checkBody, signature))
		require.NoError(t, err)
		require.JSONEq(t, `{"challenge":"c-7f3a"}`, string(checked.Body))
		require.Empty(t, checked.Events)
	}
	told, err := c.Receive(request(eventBody, eventSignature))
	require.NoError(t, err)
	require.Equal(t, []provider.Event{{
		ID: "ev-0001", Kind: "contact.user.updated_v3", Object: provider.ObjectMember, IDs: []string{"ou_1"},
		At: time.UnixMilli(1767225600000),
	}}, told.Events)
	plain, err := decrypt(vectorKey, wholePad)
	require.NoError(t, err)
	require.Equal(t, "xxxxxxxxxxxxxxxx", string(plain))
}

func TestCallbackRefuses(t *testing.T) {
	t.Parallel()
	late, other := request(eventBody, eventSignature), request(eventBody, eventSignature)
	late.Now = vectorTime.Add(provider.ReplayWindow + time.Second)
	other.Method = http.MethodGet
	for name, c := range map[string]struct {
		request provider.CallbackRequest
		want    provider.Refusal
	}{
		"unsigned":        {request(eventBody, ""), provider.RefusedSignature},
		"wrong signature": {request(eventBody, checkSignature), provider.RefusedSignature},
		"late":            {late, provider.RefusedStale},
		"not a POST":      {other, provider.RefusedMalformed},
		"plain":           {request(`{"type":"url_verification"}`, ""), provider.RefusedMalformed},
		"no cipher":       {request(`{"encrypt":"AAAA"}`, ""), provider.RefusedDecrypt},
	} {
		_, err := vectorCallback(t).Receive(c.request)
		var refused *provider.RefusedError
		require.True(t, errors.As(err, &refused), name)
		require.Equal(t, c.want, refused.Reason, name)
	}
	wrong := &callback{encryptKey: vectorKey, verification: "other", appID: "cli_sim"}
	_, err := wrong.Receive(request(eventBody, eventSignature))
	require.Equal(t, provider.Refuse(provider.RefusedToken), err)
	wrong = &callback{encryptKey: vectorKey, verification: vectorToken, appID: "cli_other"}
	_, err = wrong.Receive(request(eventBody, eventSignature))
	require.Equal(t, provider.Refuse(provider.RefusedReceiver), err)
}

func TestEventsAreReduced(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]provider.Event{
		`{"schema":"2.0","header":{"event_id":"a","event_type":"contact.scope.updated_v3"},"event":{}}`: {
			ID: "a", Kind: "contact.scope.updated_v3", Object: provider.ObjectScope},
		`{"schema":"2.0","header":{"event_id":"b","event_type":"contact.department.deleted_v3"},` +
			`"event":{"object":{},"old_object":{"open_department_id":"od-9"}}}`: {
			ID: "b", Kind: "contact.department.deleted_v3", Object: provider.ObjectDepartment, IDs: []string{"od-9"}},
		`{"schema":"2.0","header":{"event_id":"c","event_type":"contact.user.deleted_v3"},` +
			`"event":{"object":{"open_id":"ou_1","user_id":"u1"}}}`: {
			ID: "c", Kind: "contact.user.deleted_v3", Object: provider.ObjectMember, IDs: []string{"u1"}},
		`{"uuid":"d","event":{"type":"user_add"}}`: {ID: "d", Kind: "user_add", Object: provider.ObjectOther},
	} {
		got, err := decodeEvent([]byte(body))
		require.NoError(t, err)
		require.Equal(t, []provider.Event{want}, got.reduced)
	}
}

func FuzzCallback(f *testing.F) {
	f.Add([]byte(checkBody), "")
	f.Add([]byte(eventBody), eventSignature)
	c := &callback{encryptKey: vectorKey, verification: vectorToken, appID: "cli_sim"}
	f.Fuzz(func(t *testing.T, body []byte, signature string) {
		result, err := c.Receive(request(string(body), signature))
		require.True(t, err == nil || result.Body == nil)
	})
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"schema":"2.0","header":{"event_id":"c","event_type":"contact.user.deleted_v3"},"event":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodeEvent(body)
		require.True(t, err != nil || len(got.reduced) == 1 && got.reduced[0].ID != "")
	})
}
