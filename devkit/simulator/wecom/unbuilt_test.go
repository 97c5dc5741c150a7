package wecom_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator/wecom"
)

// Calls that WeCom has and this service does not answer that the credential may not make
// them, whatever it is, with their arrays empty.
func TestKnownCallsAreForbidden(t *testing.T) {
	t.Parallel()
	a := start(t, company(), wecom.Config{OldSyncIP: true, OldApp: true})
	for endpoint, arrays := range map[string][]string{
		"user/getuserid": nil, "export/user": nil, "export/get_result": {"data_list"},
		"batch/openuserid_to_userid": {"userid_list", "invalid_open_userid_list"},
		"user/create":                nil, "department/delete": nil, "getcallbackip": {"ip_list"},
	} {
		for _, query := range []string{a.byApp(""), a.bySync("")} {
			answer := a.refused(endpoint, query, 48002)
			for _, key := range arrays {
				require.Equal(t, []any{}, answer[key], endpoint)
			}
		}
	}
	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.TrustedIPs = []string{"192.0.2.1"} })
	a.refused("user/getuserid", a.byApp(""), 60020)
	a.refused("user/getuserid", "access_token=wrong", 40014)
	a.refused("user/getuserid", "", 41001)
}
