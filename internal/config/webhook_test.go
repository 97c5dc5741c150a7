package config_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/config"
)

func TestWebhooks(t *testing.T) {
	t.Parallel()
	c, err := config.Load(env(map[string]string{"ORGSYNC_NOTIFY": " json:http://ops:pass-word@hooks/x?y=1\n\t" +
		"feishu:https://open.feishu.cn/open-apis/bot/v2/hook/t0ken#SECdemo " +
		"dingtalk:https://oapi.dingtalk.com/robot/send?access_token=t0ken "}))
	require.NoError(t, err)
	type hook struct{ format, url, secret string }
	var got []hook
	for _, w := range c.Notify {
		got = append(got, hook{w.Format, w.URL.Reveal(), w.Secret.Reveal()})
	}
	require.Equal(t, []hook{
		{"json", "http://ops:pass-word@hooks/x?y=1", ""},
		{"feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/t0ken", "SECdemo"},
		{"dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=t0ken", ""},
	}, got)
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		shown := fmt.Sprintf(verb, c)
		require.NotContains(t, shown, "t0ken")
		require.NotContains(t, shown, "SECdemo")
		require.NotContains(t, shown, "pass-word")
	}
}

func TestWrongWebhooksAreNamedByTheirPlace(t *testing.T) {
	t.Parallel()
	const good = "json:http://hooks/x "
	for value, want := range map[string]string{
		"https://hooks/t0ken": "webhook 1 does not begin with its format",
		good +
			"slack:https://h/t0ken": "webhook 2 does not begin with its format; want dingtalk:, feishu:, json:, " +
			"wecom: and the URL",
		"t0ken":                   "webhook 1 does not begin with its format",
		"wecom:t0ken":             "webhook 1 has no http or https URL",
		"wecom:ftp://h/t0ken":     "webhook 1 has no http or https URL",
		"feishu:http://[t0ken":    "webhook 1 has no http or https URL",
		"wecom:https://h/t0ken#s": "webhook 1 has a secret after #",
		good + good:               "webhook 2 is listed twice",
	} {
		_, err := config.Load(env(map[string]string{"ORGSYNC_NOTIFY": value}))
		require.ErrorContains(t, err, "ORGSYNC_NOTIFY is wrong; "+want)
		require.NotContains(t, err.Error(), "t0ken")
		require.NotContains(t, err.Error(), "\n")
	}
}
