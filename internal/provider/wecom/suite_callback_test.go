package wecom

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

const vectorSuite = "wwsuite0001"

// suiteSettings are those of a suite, and more over them.
func suiteSettings(more provider.Settings) provider.Settings {
	s := provider.Settings{
		keySubType: subTypeSuite, keySuiteID: vectorSuite, keySuiteSecret: "made-up-suite-secret",
		keySuiteToken: vectorToken, keySuiteAES: vectorAES,
	}
	maps.Copy(s, more)
	return s
}

func vectorSuiteCallback(t testing.TB, more provider.Settings) provider.SuiteCallback {
	t.Helper()
	c, err := Vendor.Suite.OpenCallback(suiteSettings(more))
	require.NoError(t, err)
	return c
}

// A suite's ticket is W2 of wecom-more.md §A3.
func TestSuiteTakesATicket(t *testing.T) {
	t.Parallel()
	v := vectors()[1]
	result, err := vectorSuiteCallback(t, nil).Receive(vectorRequest(v))
	require.NoError(t, err)
	require.Equal(t, "success", string(result.Body))
	require.Equal(t, provider.SuiteMessage{
		Kind: provider.SuiteTicket, Secret: "tick-made-up-1", At: time.Unix(1700000000, 0),
	}, result.SuiteMessage)

	_, err = vectorSuiteCallback(t, provider.Settings{keySuiteID: "wwsuite0002"}).Receive(vectorRequest(v))
	require.Equal(t, provider.Refuse(provider.RefusedReceiver), err)
	_, err = vectorSuiteCallback(t, provider.Settings{keySuiteToken: "other"}).Receive(vectorRequest(v))
	require.Equal(t, provider.Refuse(provider.RefusedSignature), err)
	late := vectorRequest(v)
	late.Now = late.Now.Add(time.Hour)
	_, err = vectorSuiteCallback(t, nil).Receive(late)
	require.Equal(t, provider.Refuse(provider.RefusedStale), err)
}

// The check of the address is for the service provider's own company; that of a provider who is
// a person is for nobody (W3 of wecom-more.md §A3).
func TestSuiteAnswersTheCheck(t *testing.T) {
	t.Parallel()
	for _, v := range vectors()[2:4] {
		r := vectorRequest(v)
		r.Method = http.MethodGet
		r.Query.Set("echostr", v[4])
		result, err := vectorSuiteCallback(t, nil).Receive(r)
		require.NoError(t, err)
		require.Equal(t, v[3], string(result.Body))
		_, err = vectorSuiteCallback(t, provider.Settings{keyProviderCorp: "wwelse"}).Receive(r)
		require.Equal(t, provider.Refuse(provider.RefusedReceiver), err)
	}
}

const suiteHead = "<xml><SuiteId> <![CDATA[wwsuite0001]]></SuiteId><TimeStamp>1767225600</TimeStamp>"

func TestSuiteMessagesAreReduced(t *testing.T) {
	t.Parallel()
	at := time.Unix(1767225600, 0)
	for body, want := range map[string]provider.SuiteMessage{
		"<InfoType> <![CDATA[suite_ticket]]></InfoType><SuiteTicket>t</SuiteTicket>": {
			Kind: provider.SuiteTicket, Secret: "t", At: at},
		"<InfoType>create_auth</InfoType><AuthCode>c</AuthCode><State>s1</State><ExtraInfo></ExtraInfo>": {
			Kind: provider.SuiteCode, Secret: "c", State: "s1", At: at},
		"<InfoType>reset_permanent_code</InfoType><AuthCode>c</AuthCode>": {
			Kind: provider.SuiteCode, Secret: "c", At: at},
		"<InfoType>cancel_auth</InfoType><AuthCorpId>wpA</AuthCorpId>": {
			Kind: provider.SuiteWithdrawn, Company: "wpA", At: at},
		"<InfoType>batch_job_result</InfoType><AuthCorpId>wpA</AuthCorpId>": {Kind: provider.SuiteOther, At: at},
	} {
		got, err := decodeSuiteMessage([]byte(suiteHead+body+"</xml>"), vectorSuite)
		require.NoError(t, err, body)
		require.Equal(t, want, got, body)
	}
	for body, want := range map[string]provider.Event{
		"<InfoType>change_auth</InfoType>": {Kind: "change_auth", Object: provider.ObjectScope},
		"<InfoType>change_contact</InfoType><ChangeType>create_user</ChangeType><UserID>woA</UserID>": {
			Kind: "change_contact.create_user", Object: provider.ObjectMember, IDs: []string{"woA"}},
		"<InfoType>change_contact</InfoType><ChangeType>delete_party</ChangeType><Id>7</Id>": {
			Kind: "change_contact.delete_party", Object: provider.ObjectDepartment, IDs: []string{"7"}},
	} {
		got, err := decodeSuiteMessage([]byte(suiteHead+body+"<AuthCorpId>wpA</AuthCorpId></xml>"), vectorSuite)
		require.NoError(t, err, body)
		require.Equal(t, provider.SuiteEvents, got.Kind)
		require.Equal(t, "wpA", got.Company)
		require.Len(t, got.Events, 1)
		want.ID, want.At = got.Events[0].ID, at
		require.Equal(t, want, got.Events[0])
	}
	for _, body := range []string{
		"<InfoType>suite_ticket</InfoType>", "<InfoType>create_auth</InfoType><State>s</State>",
		"<InfoType>cancel_auth</InfoType>", "<InfoType>change_contact</InfoType>",
	} {
		_, err := decodeSuiteMessage([]byte(suiteHead+body+"</xml>"), vectorSuite)
		require.Equal(t, provider.Refuse(provider.RefusedMalformed), err, body)
	}
}

// What comes to the address of data is for a company, which the envelope names as well.
func TestSuiteTakesDataForACompany(t *testing.T) {
	t.Parallel()
	sealed, err := wire.NewSealed(vectorToken, vectorAES)
	require.NoError(t, err)
	text, err := sealed.Seal([]byte("<xml><FromUserName>woA</FromUserName><CreateTime>1700000000</CreateTime>"+
		"<MsgType>event</MsgType><Event>subscribe</Event></xml>"), "wpA")
	require.NoError(t, err)
	r := vectorRequest([5]string{"n", "", sealed.Signature(vectorTime, "n", text), "", text})
	_, err = vectorSuiteCallback(t, nil).Receive(r)
	require.Equal(t, provider.Refuse(provider.RefusedReceiver), err)
	r.Body = []byte("<xml><ToUserName>wpA</ToUserName><Encrypt>" + text + "</Encrypt></xml>")
	result, err := vectorSuiteCallback(t, nil).Receive(r)
	require.NoError(t, err)
	require.Equal(t, "wpA", result.Company)
	require.Equal(t, []string{"woA"}, result.Events[0].IDs)
}

func FuzzSuiteMessage(f *testing.F) {
	f.Add([]byte(vectors()[1][3]))
	f.Add([]byte(suiteHead + "<InfoType>change_contact</InfoType><ChangeType>update_user</ChangeType>" +
		"<AuthCorpId>wpA</AuthCorpId><UserID>woA</UserID><NewUserID>woB</NewUserID></xml>"))
	f.Add([]byte(suiteHead + "<InfoType>create_auth</InfoType><AuthCode>c</AuthCode></xml>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := decodeSuiteMessage(body, vectorSuite)
		if err != nil {
			require.Empty(t, m.Events)
			return
		}
		switch m.Kind {
		case provider.SuiteTicket, provider.SuiteCode:
			require.NotEmpty(t, m.Secret)
			require.LessOrEqual(t, len(m.Secret), longestSecret)
			require.Empty(t, m.Company)
		case provider.SuiteWithdrawn, provider.SuiteEvents:
			require.NotEmpty(t, m.Company)
			require.Empty(t, m.Secret)
		case provider.SuiteOther:
			require.Empty(t, m.Events)
		}
	})
}
