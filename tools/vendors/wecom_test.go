package vendors_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2/util"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	simulated "github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wecom"
)

const (
	corp  = "wwsim"
	token = "simToken01"
	key   = "k3yForTestsOnly0123456789abcdefghijABCDEFGH"
)

// sealedMessage is the body of a callback.
type sealedMessage struct {
	XMLName xml.Name `xml:"xml"`
	To      string   `xml:"ToUserName"`
	Encrypt string   `xml:"Encrypt"`
}

// seen collects what a client was told of.
type seen struct {
	mu   sync.Mutex
	told []string
}

func (s *seen) add(kind, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, kind+" "+id)
}

func (s *seen) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.told...)
}

// silenceper/wechat verifies and decrypts what our simulator sends to a callback address.
func TestWechatLibraryReadsCallbacks(t *testing.T) {
	t.Parallel()
	company := simulator.Generate(simulator.TypicalSpec(3, 30))
	service := simulated.New(company, simulated.Config{})
	told := &seen{}
	open := func(query url.Values, sealed string) ([]byte, bool) {
		if util.Signature(token, query.Get("timestamp"), query.Get("nonce"), sealed) != query.Get("msg_signature") {
			return nil, false
		}
		_, plain, err := util.DecryptMsg(corp, sealed, key)
		return plain, err == nil
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		var message sealedMessage
		var change struct{ ChangeType, UserID, ID string }
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodGet {
			// The plus signs of base64 arrive as blanks (wecom.md §6.1).
			echo := string(bytes.ReplaceAll([]byte(query.Get("echostr")), []byte(" "), []byte("+")))
			plain, ok := open(query, echo)
			if !ok {
				w.WriteHeader(http.StatusForbidden)
			}
			_, _ = w.Write(plain)
			return
		}
		if xml.Unmarshal(body, &message) != nil || message.To != corp {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		plain, ok := open(query, message.Encrypt)
		if !ok || xml.Unmarshal(plain, &change) != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		told.add(change.ChangeType, change.UserID)
	}))
	t.Cleanup(server.Close)
	pusher, err := service.Subscribe(simulated.Callback{URL: server.URL, Token: token, AESKey: key, Full: true})
	require.NoError(t, err)
	var want []string
	for p := simulator.PersonID(1); p <= 20; p++ {
		require.NoError(t, company.SetTitle(p, "Chief"))
		company.View(func(v *simulator.View) {
			who, _ := v.Person(p)
			want = append(want, "update_user "+company.UserID(directory.WeCom, who))
		})
	}
	pusher.Wait()
	require.Equal(t, int64(20), pusher.Acknowledged.Load())
	require.ElementsMatch(t, want, told.list())
}

// Our receiver reads what silenceper/wechat has encrypted, and refuses it where anything is
// amiss.
func TestWechatLibrarysMessagesAreRead(t *testing.T) {
	t.Parallel()
	receiver, err := wecom.Vendor.OpenCallback(provider.Settings{"corp_id": corp, "callback_token_secret": token,
		"callback_aes_secret": key})
	require.NoError(t, err)
	now := time.Now()
	message := "<xml><ToUserName>" + corp + "</ToUserName><FromUserName>sys</FromUserName><CreateTime>" +
		strconv.FormatInt(now.Unix(), 10) + "</CreateTime><MsgType>event</MsgType><Event>change_contact</Event>" +
		"<ChangeType>update_user</ChangeType><UserID>lisi</UserID><Department>1,2</Department></xml>"
	for random := range 64 { // of every length of padding
		message := message[:len(message)-len("</xml>")] + "<Alias>" + string(bytes.Repeat([]byte("a"), random)) +
			"</Alias></xml>"
		sealed, err := util.EncryptMsg([]byte("0123456789abcdef"), []byte(message), corp, key)
		require.NoError(t, err)
		request := func(signed, corp string) provider.CallbackRequest {
			timestamp, nonce := strconv.FormatInt(now.Unix(), 10), "nonce1"
			body, err := xml.Marshal(sealedMessage{To: corp, Encrypt: string(sealed)})
			require.NoError(t, err)
			return provider.CallbackRequest{
				Method: http.MethodPost, Now: now, Body: body, Query: url.Values{
					"msg_signature": {util.Signature(signed, timestamp, nonce, string(sealed))},
					"timestamp":     {timestamp}, "nonce": {nonce},
				},
			}
		}
		result, err := receiver.Receive(request(token, corp))
		require.NoError(t, err)
		require.Len(t, result.Events, 1)
		require.Equal(t, []string{"lisi"}, result.Events[0].IDs)
		_, err = receiver.Receive(request("another", corp))
		require.ErrorAs(t, err, new(*provider.RefusedError))
	}
}
