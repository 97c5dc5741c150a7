package wecom_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
)

// A record carries what is known of a person beside the rest: of a new app only what it
// may see, and the manager only where the app sees them.
func TestRecordsCarryFacts(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, wecom.Config{OldApp: true, Options: simulator.Options{NoQuotas: true}})
	var id, managerID string
	var who simulator.PersonID
	var facts simulator.Facts
	c.View(func(v *simulator.View) {
		for p := range v.People() {
			f := v.Facts(p.ID)
			if manager, ok := v.Manager(p); ok && p.Activated && f.Picture != 0 && f.WorkEmail != "" &&
				f.Telephone != "" && f.Alias != "" && len(f.Custom) > 2 {
				who, id, managerID, facts = p.ID, c.UserID(directory.WeCom, p), c.UserID(directory.WeCom, manager), f
			}
		}
	})
	record := func() map[string]any { return a.good("user/get", a.byApp("userid="+id)) }
	got := record()
	require.Equal(t, facts.Alias, got["alias"])
	require.Equal(t, facts.Telephone, got["telephone"])
	require.Equal(t, facts.WorkEmail, got["biz_mail"])
	require.Contains(t, got["avatar"], "https://wework.example/")
	require.Equal(t, []any{managerID}, got["direct_leader"])
	require.Equal(t, map[string]any{"type": 0.0, "name": facts.Custom[0].Field,
		"text": map[string]any{"value": facts.Custom[0].Value}},
		got["extattr"].(map[string]any)["attrs"].([]any)[0])
	require.Equal(t, map[string]any{"type": 1.0, "name": "Badge",
		"web": map[string]any{"url": facts.Custom[2].Value, "title": "Badge"}},
		got["extattr"].(map[string]any)["attrs"].([]any)[2])

	a.srv.Reconfigure(func(cfg *wecom.Config) {
		cfg.OldApp, cfg.Range = false, &simulator.Range{People: []simulator.PersonID{who}}
	})
	got = record()
	require.NotContains(t, got, "biz_mail")
	require.NotContains(t, got, "avatar")
	require.Equal(t, facts.Alias, got["alias"])
	require.Empty(t, got["direct_leader"], "who is out of sight is not named")
}
