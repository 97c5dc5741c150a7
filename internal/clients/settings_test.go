package clients_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// vendor has one setting of each sort.
var vendor = provider.Vendor{
	Type: "wecom",
	Keys: []provider.Key{
		{Name: "corp_id", Aliases: []string{"corpid", "app_id"}, Required: true, Help: "the company's id"},
		{Name: "secret", Aliases: []string{"app_secret"}, Help: "the app's secret"},
		{Name: "sync_secret", Help: "the secret of contact sync"},
		{Name: "base_url", Default: "https://qyapi.example.com", Help: "the API's address"},
		{Name: "callback_aes_secret", Help: "the callback's key", Check: wire.CheckAESKey},
		{Name: "agent_id", Help: "the app's AgentId", Check: provider.CheckNumber},
	},
	Validate: func(s provider.Settings) error {
		if s["secret"] == "" && s["sync_secret"] == "" {
			return errors.New("give secret or sync_secret")
		}
		return nil
	},
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document string
		want     provider.Settings
	}{
		"plain":   {`{"corp_id":"ww1","secret":"s1"}`, provider.Settings{"corp_id": "ww1", "secret": "s1"}},
		"aliases": {`{"corpid":"ww1","app_secret":"s1"}`, provider.Settings{"corp_id": "ww1", "secret": "s1"}},
		"trimmed": {`{"corp_id":" ww1\n"}`, provider.Settings{"corp_id": "ww1"}},
		"path prefix": {`{"base_url":"http://127.0.0.1:9/wecom"}`,
			provider.Settings{"base_url": "http://127.0.0.1:9/wecom"}},
		"looks odd": {`{"secret":"xXyour-secret***"}`, provider.Settings{"secret": "xXyour-secret***"}},
		"nothing":   {`{}`, provider.Settings{}},
		"BOM":       {"\ufeff{\"corp_id\":\"ww1\"}\r\n", provider.Settings{"corp_id": "ww1"}},
	} {
		got, err := clients.Parse(vendor, []byte(c.document), nil)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ document, want string }{
		"not JSON":          {`corp_id: ww1`, "not a JSON object"},
		"empty option":      {`{"corp_id":"ww1","sync_secret":" "}`, "sync_secret is empty; give it a value, or leave"},
		"a list":            {`["ww1"]`, "not a JSON object"},
		"null":              {`null`, "not a JSON object"},
		"two documents":     {`{"corp_id":"ww1"}{}`, "config: something follows the JSON object (line 1, column 18)"},
		"a brace too many":  {`{"corp_id":"ww1"} }`, "config: something follows the JSON object (line 1, column 19)"},
		"a key twice":       {`{"corp_id":"ww1","corp_id":"ww2"}`, `config: the key "corp_id" is given more than once`},
		"a key in capitals": {`{"corp_id":"ww1","CORP_ID":"ww2"}`, `config: the key "CORP_ID" is given more than once`},
		"UTF-16":            {"\xff\xfe{\x00}\x00", "config: it is encoded as UTF-16; save it as UTF-8"},
		"GBK":               {"{\"secret\":\"\xd5\xc5\"}", "config: it is not encoded as UTF-8"},
		"zero-width space": {"{\"secret\":\"s3cr\u200bet\"}",
			"config: secret holds U+200B, a zero-width space, as character 5; retype it or copy it again"},
		"no-break space": {"{\"corp_id\":\"ww\u00a02\"}",
			"config: corp_id holds U+00A0, a no-break space, as character 3"},
		"mark in a value": {"{\"secret\":\"\ufeffs3cret\"}",
			"config: secret holds U+FEFF, a byte order mark, as character 1"},
		"escaped": {`{"secret":"s\u200d"}`,
			"config: secret holds U+200D, a zero-width joiner, as character 2"},
		"control": {`{"base_url":"https://ho\u0007st"}`,
			"config: base_url holds U+0007, an invisible character"},
		"unknown key": {`{"corp":"ww1"}`,
			`unknown key "corp" for type wecom; known keys: corp_id, secret, sync_secret, base_url`},
		"twice":             {`{"corp_id":"ww1","corpid":"ww2"}`, "corp_id is given twice"},
		"number":            {`{"corp_id":1000002}`, "corp_id must be a string in quotes"},
		"empty":             {`{"corp_id":" "}`, "corp_id is empty: the company's id"},
		"white space":       {`{"secret":"abc def"}`, "secret contains white space"},
		"hidden, not there": {`{"secret":"***"}`, "secret still holds a placeholder"},
		"no scheme": {`{"base_url":"qyapi.example.com"}`,
			"base_url must be an address such as https://qyapi.example.com"},
		"other scheme":    {`{"base_url":"ftp://qyapi.example.com"}`, "base_url must be an address"},
		"no host":         {`{"base_url":"https:///x"}`, "base_url must be an address"},
		"password in URL": {`{"base_url":"https://me:s3cret@host"}`, "base_url must be an address"},
		"query in URL":    {`{"base_url":"https://host?access_token=s3cret"}`, "base_url must be an address"},
		"fragment in URL": {`{"base_url":"https://host#x"}`, "base_url must be an address"},
		"port of no host": {`{"base_url":"https://:443"}`, "base_url must be an address"},
		"impossible port": {`{"base_url":"http://host:99999"}`, "base_url must be an address"},
		"short key":       {`{"callback_aes_secret":"abc"}`, "callback_aes_secret must have 43 letters and digits"},
		"agent's name":    {`{"agent_id":"sales"}`, "agent_id must be a decimal number: the app's AgentId"},
		"broken URL":      {`{"base_url":"https://ho st"}`, "white space"},
	} {
		_, err := clients.Parse(vendor, []byte(c.document), nil)
		require.ErrorContains(t, err, c.want, name)
		require.NotContains(t, err.Error(), "s3cret", name)
		require.NotContains(t, err.Error(), "ww2", name)
	}
}

func TestParseRefusesPlaceholders(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"your_app_id", "YOUR-SECRET", "your secret", "xxx", "XXXXXX", "<secret>", "{secret}", "${SECRET}", "$SECRET",
		"change-me", "changeme",
		"my_app_secret", "placeholder", "TODO", "none", "null", "...", "****", "…", "cli_…", "…abc", "abc...",
	} {
		_, err := clients.Parse(vendor, []byte(`{"secret":"`+value+`"}`), map[string]bool{"corp_id": true})
		require.ErrorContains(t, err, "secret still holds a placeholder; put in the real value", value)
	}
}

// What is shown instead of a stored secret may be given back, under any of its names.
func TestHiddenSecretsAreKept(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"secret", "app_secret"} {
		got, err := clients.Parse(vendor, []byte(`{"corp_id":"ww1","`+key+`":"***"}`), map[string]bool{"secret": true})
		require.NoError(t, err)
		require.Equal(t, provider.Settings{"corp_id": "ww1", "secret": clients.Hidden}, got)
		require.NoError(t, clients.Validate(vendor, got))
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	require.NoError(t, clients.Validate(vendor, provider.Settings{"corp_id": "ww1", "sync_secret": "s"}))
	require.ErrorContains(t, clients.Validate(vendor, provider.Settings{"secret": "s"}),
		"config: corp_id is missing: the company's id")
	require.ErrorContains(t, clients.Validate(vendor, provider.Settings{"corp_id": "ww1"}),
		"config: give secret or sync_secret")
}

func TestSplitKeepsSecretsApart(t *testing.T) {
	t.Parallel()
	public, secrets := clients.Split(provider.Settings{
		"corp_id": "ww1", "base_url": "https://host", "secret": "a", "sync_secret": "b", "app_secret": "c",
		"app_secret_key": "d",
	})
	require.Equal(t, map[string]string{"corp_id": "ww1", "base_url": "https://host"}, public)
	require.Equal(t, map[string]string{"secret": "a", "sync_secret": "b", "app_secret": "c", "app_secret_key": "d"},
		secrets)
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"corp_id":"ww1","secret":"s"}`, `{"corpid":"ww1","corp_id":"x"}`,
		`{"base_url":"https://%zz"}`, `{"secret":null}`, `[]`, `{"a":`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		settings, err := clients.Parse(vendor, document, nil)
		if err != nil {
			require.Nil(t, settings)
			return
		}
		public, secrets := clients.Split(settings)
		require.Len(t, settings, len(public)+len(secrets))
	})
}
