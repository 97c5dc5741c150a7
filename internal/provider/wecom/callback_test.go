package wecom

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

// Keys of the vectors of wecom-more.md §A3 and wecom.md §6.1.
const (
	vectorToken = "tokA1"
	vectorAES   = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	vectorTime  = "1700000000"
)

func vectorCallback(corpID string) *callback {
	c, err := openCallback(provider.Settings{
		"corp_id": corpID, keyCallbackToken: vectorToken, keyCallbackAES: vectorAES,
	})
	if err != nil {
		panic(err)
	}
	return c.(*callback)
}

// vectors are nonce, receiver, signature, message and encrypted message.
func vectors() [][5]string {
	return [][5]string{
		{
			"n0nce1", "ww0123456789abcdef", "7f81973fb2ce0233ccfcffeb14590d6dd92800f4",
			"<xml><ToUserName><![CDATA[ww0123456789abcdef]]></ToUserName><FromUserName><![CDATA[sys]]><" +
				"/FromUserName><CreateTime>1700000000</CreateTime><MsgType><![CDATA[event]]></MsgType><Even" +
				"t><![CDATA[change_contact]]></Event><ChangeType>delete_user</ChangeType><UserID><![CDATA[a" +
				"da]]></UserID></xml>",
			"Q3stYC6hdFzMh9T8HCvyDCh9c+ep0zYzymB6Et/ZFApRIH6CqURiq6lfMfw9JyI/t/zsxm+cVwTCP4UTkhHc1BRUqD" +
				"7VTtNlufmhWEXzSSY6o7QQ2x8/0FLDAatlameStYOpK2Z1TWg8UwBrxSe9xKas5yhd+vZFOR1H0Z6eOLDmh1O5TMGX" +
				"gAX5Jlsp4Mbm0L7HbrVXBRxlvydP+dtwhYMURt1NMS4dgoZBkEoVPK/WLUfJIvkocUK2jrDEdywxDUFmnoTXxnLCGj" +
				"TVPn4FY9zj1+ecp45Oo1mVI33gJystbkoomQ3q303torsfJssgD/bGe1GWMJzndztS1KFTj2nGASqF4d/BGQyOoogO" +
				"GtnI2blJ8u6tbwlnB4pBlNQvqE9v8QpNSuZXT6Ugj9k3w8BOrpZQ68u0f33cK7vfMlcjardGqgcuAmMNEIJQttkHND" +
				"lDHJl60SsCbNUSlMku8Q==",
		},
		{
			"n0nce2", "wwsuite0001", "016c9845acbd3e68652f2554339e1eb7613bbf25",
			"<xml><SuiteId><![CDATA[wwsuite0001]]></SuiteId><InfoType><![CDATA[suite_ticket]]></InfoTyp" +
				"e><TimeStamp>1700000000</TimeStamp><SuiteTicket><![CDATA[tick-made-up-1]]></SuiteTicket></" +
				"xml>",
			"Q3stYC6hdFzMh9T8HCvyDENk91PlS4OQa6+LBCLtl76p/AgRdG4ZKiGLKBHBlzcJPZALqVvSuoWGPBwoAkgiJtDyoS" +
				"jTcIqH2mMbyhb1pD7jKIpFORda+bKOMrfi+dd1k3t532yU8xlAe3To17A6+wubqYY0vLYQhbMXjyydkOcw4uhQRcsz" +
				"3EUX3zUZRDNHKn+uPuThVpV6J7dwpDuHcOltDzZ4yebbjsrT2PIWA/+Xnx7BqN617hg2RXvSCmj1F2ojE0D0Loftio" +
				"Q95w9KGoPAkyD2VO9sIYhrBzbAdUM=",
		},
		{
			"n0nce3", "", "818df8785659f294b06495a92a1391caa9b2f19a",
			"4711",
			"Q3stYC6hdFzMh9T8HCvyDJClsmXzcV1bIvZjVYCWUIU=",
		},
		{
			"n0nce4", "ww0123456789abcdef", "7a756d8cad34cd247ac7b6aee8aebe76f6a3a957",
			"李雷",
			"Q3stYC6hdFzMh9T8HCvyDMNRj7qHRI/9yhyYE/hOFk14N9t8IXGhpfWknXZhBABOMGKKuI6RQ1g2i5r9+8ugKQ==",
		},
		{
			"n0nce", "ww0123456789abcdef", "ef3afdd046ca49b2722d041a9a57b3868c05fb5c",
			"ok",
			"Q3stYC6hdFzMh9T8HCvyDBQedA3CasCRuZyV7gTH6vKe2bbNifQOq1bP0aBIuz6TFvuISKMsbG+rqFpRf33gEQ==",
		},
	}
}

func vectorRequest(v [5]string) provider.CallbackRequest {
	return provider.CallbackRequest{
		Method: http.MethodPost, Now: time.Unix(1700000000, 0),
		Body:  []byte("<xml><AgentID><![CDATA[]]></AgentID><Encrypt><![CDATA[" + v[4] + "]]></Encrypt></xml>"),
		Query: url.Values{"msg_signature": {v[2]}, "timestamp": {vectorTime}, "nonce": {v[0]}},
	}
}

func TestCallbackVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors() {
		plain, err := vectorCallback(v[1]).open(vectorRequest(v), v[4])
		require.NoError(t, err)
		require.Equal(t, v[3], string(plain))
		_, err = vectorCallback("other").open(vectorRequest(v), v[4])
		require.Equal(t, provider.Refuse(provider.RefusedReceiver), err)
		_, err = vectorCallback(v[1]).open(vectorRequest(v), strings.Replace(v[4], "Q", "R", 1))
		require.Equal(t, provider.Refuse(provider.RefusedSignature), err)
	}
}

// The plus signs of the check arrive as blanks.
func TestCallbackAnswersTheCheck(t *testing.T) {
	t.Parallel()
	v := vectors()[3]
	r := vectorRequest(v)
	r.Method = http.MethodGet
	r.Query.Set("echostr", strings.ReplaceAll(v[4], "+", " "))
	result, err := vectorCallback(v[1]).Receive(r)
	require.NoError(t, err)
	require.Equal(t, v[3], string(result.Body))
}

func TestCallbackReduces(t *testing.T) {
	t.Parallel()
	v := vectors()[0]
	result, err := vectorCallback(v[1]).Receive(vectorRequest(v))
	require.NoError(t, err)
	require.Len(t, result.Events, 1)
	e := result.Events[0]
	require.Equal(t, provider.ObjectMember, e.Object)
	require.Equal(t, []string{"ada"}, e.IDs)
	require.True(t, strings.HasPrefix(e.ID, "change_contact.delete_user/sys/ada////1700000000/"), e.ID)
	late := vectorRequest(v)
	late.Now = late.Now.Add(time.Hour)
	_, err = vectorCallback(v[1]).Receive(late)
	require.Equal(t, provider.Refuse(provider.RefusedStale), err)
}

func TestMessagesAreReduced(t *testing.T) {
	t.Parallel()
	const head = `<xml><FromUserName>sys</FromUserName><CreateTime>1767225601</CreateTime><MsgType>event</MsgType>`
	for body, want := range map[string]provider.Event{
		`<Event>change_contact</Event><ChangeType> <![CDATA[update_user]]></ChangeType><UserID>ada</UserID>` +
			`<NewUserID>ada.l</NewUserID>`: {Object: provider.ObjectMember, IDs: []string{"ada.l", "ada"}},
		`<Event>change_contact</Event><ChangeType>update_party</ChangeType><Id>7</Id>`: {
			Object: provider.ObjectDepartment, IDs: []string{"7"}},
		`<Event>change_contact</Event><ChangeType>update_tag</ChangeType><TagId>3</TagId>`: {
			Object: provider.ObjectGroup, IDs: []string{"3"}},
		`<Event>change_app_admin</Event><AgentID>7</AgentID>`: {Object: provider.ObjectAdministrator},
		`<Event>unsubscribe</Event>`:                          {Object: provider.ObjectOther},
	} {
		events, err := decodeMessage([]byte(head + body + "</xml>"))
		require.NoError(t, err)
		require.Equal(t, want.Object, events[0].Object, body)
		require.Equal(t, want.IDs, events[0].IDs, body)
	}
}

func FuzzCallback(f *testing.F) {
	for _, v := range vectors() {
		f.Add(vectorRequest(v).Body, v[2], v[0])
	}
	c := vectorCallback("ww0123456789abcdef")
	f.Fuzz(func(t *testing.T, body []byte, signature, nonce string) {
		_, err := c.Receive(provider.CallbackRequest{
			Method: http.MethodPost, Body: body, Now: time.Unix(1700000000, 0),
			Query: url.Values{"msg_signature": {signature}, "timestamp": {vectorTime}, "nonce": {nonce}},
		})
		_ = err // a refusal is an answer; what must not happen is a panic
	})
}

// What joined or left a tag is looked up beside it (wecom-more.md §A4).
func TestMessagesOfTags(t *testing.T) {
	t.Parallel()
	events, err := decodeMessage([]byte(`<xml><FromUserName>sys</FromUserName><CreateTime>1767225603</CreateTime>` +
		`<MsgType>event</MsgType><Event>change_contact</Event><ChangeType>update_tag</ChangeType><TagId>3</TagId>` +
		`<AddUserItems><![CDATA[ada, bob]]></AddUserItems><DelUserItems><![CDATA[eve]]></DelUserItems>` +
		`<AddPartyItems></AddPartyItems><DelPartyItems><![CDATA[7]]></DelPartyItems></xml>`))
	require.NoError(t, err)
	require.Len(t, events, 3)
	for i, want := range []provider.Event{
		{Object: provider.ObjectGroup, IDs: []string{"3"}},
		{Object: provider.ObjectMember, IDs: []string{"ada", "bob", "eve"}},
		{Object: provider.ObjectDepartment, IDs: []string{"7"}},
	} {
		require.Equal(t, want.Object, events[i].Object)
		require.Equal(t, want.IDs, events[i].IDs)
		require.Equal(t, events[0].ID, events[i].ID)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(vectors()[0][3]))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := decodeMessage(body)
		require.True(t, err == nil || events == nil)
	})
}
