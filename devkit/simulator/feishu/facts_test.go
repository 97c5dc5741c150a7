package feishu_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
)

// A record carries what is known of a person beside the rest, each with its permission:
// levels and families have their own, the others none of those that a broad one covers.
func TestRecordsCarryFacts(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, feishu.Config{Options: simulator.Options{NoQuotas: true}})
	record := func(p simulator.PersonID) map[string]any {
		_, body := a.get("users/"+a.srv.OpenID(p), "")
		return body["data"].(map[string]any)["user"].(map[string]any)
	}
	var full, mailed simulator.PersonID
	var manager simulator.Person
	var facts simulator.Facts
	c.View(func(v *simulator.View) {
		for p := range v.People() {
			f := v.Facts(p.ID)
			if who, ok := v.Manager(p); ok && full == 0 && f.Picture != 0 && f.Alias != "" && f.EnglishName != "" &&
				f.Level != "" && len(f.Custom) > 2 {
				full, manager, facts = p.ID, who, f
			}
			if p.Email == "" && f.WorkEmail != "" {
				mailed = p.ID
			}
		}
	})
	got := record(full)
	for key, want := range map[string]any{
		"en_name": facts.EnglishName, "nickname": facts.Alias, "city": facts.City, "country": facts.Country,
		"employee_no": facts.EmployeeNo, "work_station": facts.WorkPlace,
		"leader_user_id": a.srv.OpenID(manager.ID), "job_level_id": facts.Level, "job_family_id": facts.Family,
	} {
		require.Equal(t, want, got[key], key)
	}
	require.Contains(t, got["avatar"].(map[string]any)["avatar_origin"], "https://img.example/")
	require.Equal(t, map[string]any{"type": "TEXT", "id": "C-6965457429001748507",
		"value": map[string]any{"text": facts.Custom[0].Value}}, got["custom_attrs"].([]any)[0])
	link := map[string]any{"text": "Badge", "url": facts.Custom[2].Value, "pc_url": facts.Custom[2].Value}
	require.Equal(t, map[string]any{"type": "HREF", "id": simulator.FeishuField("Badge"), "value": link},
		got["custom_attrs"].([]any)[2])
	require.Contains(t, record(mailed)["enterprise_email"], "@corp.example.com")
	require.Empty(t, record(mailed)["email"])

	without := func(scope string) map[string]any {
		scopes, err := feishu.Without(scope)
		require.NoError(t, err)
		a.srv.Reconfigure(func(cfg *feishu.Config) { cfg.Scopes = scopes })
		return record(full)
	}
	for scope, keys := range map[string][]string{
		"contact:user.base:readonly": {"en_name", "nickname", "avatar"},
		"contact:user.employee:readonly": {"city", "work_station", "custom_attrs", "enterprise_email",
			"employee_type"},
		"contact:user.department:readonly": {"leader_user_id"},
		"contact:user.job_level:readonly":  {"job_level_id"},
		"contact:user.job_family:readonly": {"job_family_id"},
	} {
		got := without(scope)
		for _, key := range keys {
			require.NotContains(t, got, key, scope)
		}
		require.Contains(t, got, "union_id")
	}
	_, err := feishu.Without("contact:nonsense")
	require.ErrorContains(t, err, "unknown")
}
