package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
)

// live stores a provider that a simulator stands for.
func (w *world) live(name string, people int) *wecom.Server {
	w.t.Helper()
	company := simulator.Generate(simulator.TypicalSpec(1, people))
	vendor := wecom.New(company, wecom.Config{Options: simulator.Options{NoQuotas: true}})
	server := httptest.NewServer(vendor)
	w.t.Cleanup(server.Close)
	got := w.send(w.as("admin"), http.MethodPost, "/api/v1/providers", `{"name":"`+name+`","provider_type":"wecom",
		"config":{"corp_id":"wwsim","secret":"sim-app-secret","base_url":"`+server.URL+`"}}`)
	require.Equal(w.t, http.StatusCreated, got.status, got.body)
	return vendor
}

func TestThePreviewShowsPeopleAndStoresNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vendor := w.live("live", 300)
	operator, path := w.as("operator"), "/api/v1/providers/live/preview"
	shown, next := w.get(operator, path).items()
	require.Len(t, shown, 50)
	require.Empty(t, next)
	for _, person := range shown {
		require.NotEmpty(t, person["external_id"])
		require.NotEmpty(t, person["departments"])
		require.Contains(t, []any{"active", "inactive"}, person["status"])
	}
	few, _ := w.get(operator, path+"?limit=3").items()
	require.Equal(t, shown[:3], few)
	stored, _ := w.get(operator, "/api/v1/members?provider=live").items()
	require.Empty(t, stored)
	w.get(operator, path+"?after=x").problem(http.StatusUnprocessableEntity, "cursor_invalid")
	w.get(operator, path+"?limit=201").problem(http.StatusUnprocessableEntity, "input_invalid")

	vendor.Faults.Add(simulator.Fault{Times: 99,
		Action: simulator.Action{Kind: simulator.Forbidden}})
	p := w.get(operator, path).problem(http.StatusBadGateway, "provider_failed")
	require.Contains(t, p.Detail, "WeCom")
}
