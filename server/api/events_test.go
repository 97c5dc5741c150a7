package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/server/api"
)

func TestEventsOfAProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, path := w.as("admin"), "/api/v1/providers/acme/events"

	var events api.Events
	w.get(admin, path, "Accept-Language", "zh").decode(&events)
	require.False(t, events.Enabled)
	require.Nil(t, events.Mode)
	require.Equal(t, []string{"callback"}, events.Modes)
	require.Contains(t, events.WithoutEvents, api.EventGap{Code: "administrators", Text: "管理员"})

	// WeCom has no long connection for events, and no callback without its keys.
	w.send(admin, http.MethodPut, path, `{"mode":"stream"}`).problem(http.StatusUnprocessableEntity, "event_mode_unknown")
	missing := w.send(admin, http.MethodPut, path, `{"mode":"callback"}`, "Accept-Language", "zh").
		problem(http.StatusUnprocessableEntity, "event_key_wrong")
	require.Contains(t, missing.Detail, "callback_token_secret，它缺失")
	require.Contains(t, missing.Action, "orgsync provider update acme")
	w.send(admin, http.MethodDelete, path, "").problem(http.StatusConflict, "events_off")

	w.send(admin, http.MethodPatch, "/api/v1/providers/acme", `{"config":{"corp_id":"ww-acme","secret":"***",
		"callback_token_secret":"tokA1","callback_aes_secret":"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"}}`,
		"If-Match", w.get(admin, "/api/v1/providers/acme").header.Get("ETag")).decode(&map[string]any{})
	w.send(admin, http.MethodPut, path, `{"mode":"callback"}`).decode(&events)
	require.True(t, events.Enabled)
	require.Equal(t, "callback", *events.Mode)
	require.NotNil(t, events.EnabledAt)
	require.NotNil(t, events.EnabledBy)

	w.send(admin, http.MethodPost, path+"/retry", "").problem(http.StatusConflict, "nothing_set_aside")
	w.exec(`INSERT INTO provider_events (provider_id, event_id, kind, object_type, object_id, tries, set_aside_at)
		VALUES ($1, 'e-1', 'change_contact.update_user', 'member', 'ann', 3, now())`, w.acme["provider"])
	w.exec(`INSERT INTO provider_event_refusals (provider_id, reason, refused) VALUES ($1, 'signature', 7)`,
		w.acme["provider"])
	w.get(admin, path).decode(&events)
	require.EqualValues(t, 1, events.SetAside)
	require.Len(t, events.SetAsideEvents, 1)
	require.Equal(t, "ann", events.SetAsideEvents[0].ExternalID)
	require.EqualValues(t, 7, events.Refused[0].Count)
	require.Equal(t, "wrong signature: compare the token or encrypt key", events.Refused[0].Text)

	var retried api.EventsRetried
	w.send(admin, http.MethodPost, path+"/retry", "").decode(&retried)
	require.EqualValues(t, 1, retried.Events)
	w.get(admin, path).decode(&events)
	require.EqualValues(t, []int64{1, 0}, []int64{events.Waiting, events.SetAside})

	require.Equal(t, http.StatusNoContent, w.send(admin, http.MethodDelete, path, "").status)
	items, _ := w.get(admin, "/api/v1/audit").items()
	var actions []any
	for _, one := range items {
		actions = append(actions, one["action"])
	}
	require.Subset(t, actions, []any{"events.enable", "events.retry", "events.disable"})
}
