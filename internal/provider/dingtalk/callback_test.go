package dingtalk

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

// Keys of the vectors of dingtalk-more.md §A1.
const (
	vectorToken = "simToken01"
	vectorAES   = "k3yForTestsOnly0123456789abcdefghijABCDEFGH"
	vectorMS    = "1767225600000"
)

func vectorCallback(t *testing.T, appKey string) *callback {
	t.Helper()
	c, err := openCallback(provider.Settings{
		"app_key": appKey, "corp_id": "dingsimcorp0001", keyCallbackToken: vectorToken, keyCallbackAES: vectorAES,
	})
	require.NoError(t, err)
	return c.(*callback)
}

// vectors are nonce, owner, signature, message and encrypted message.
func vectors() [][5]string {
	return [][5]string{
		{
			"n0nceCCCC", "dingsimapp0001", "507b2818cd626626fab7461e432a906c0d64339b",
			"{\"EventType\":\"user_add_org\"" +
				",\"TimeStamp\":\"1767225600000\",\"UserId\":[\"0123456701\"],\"CorpId\":\"" +
				"dingsimcorp0001\",\"OptStaffId\":\"manager1001\"}",
			"tqCAVakfPNUdEbR4ykY+PjvhG4E4uGcBReKT8F5XHVhJecXxXlrlFU3SMm/dtVpUb/6QfPPbM7BMUPwm+9BgzWRo3K" +
				"7LfhV2l8KGnWi9jmOr981c3EctDyMoc+kuzPn6RT3VhwbpcZ1ZHtDjuJIprDqif9JgFMNjijG9K6pj0zE0cYbqfwuD" +
				"DtGQ9SqGxUgsI9SlmQ105MdNPD3OLwlF8MI0iBcgUlxgbuB6o/jyLdMRTkz0rTd9x2ZA9BQOXnpR",
		},
		{
			"n0nceDDDD", "dingsimcorp0001", "278a95ea3ee8ef8f4a26ea966de9078e75737e86",
			"{\"EventType\":\"org_dept_modify\",\"deptId\":[901000101],\"CorpId\":\"dingsimcorp0001\"}",
			"tqCAVakfPNUdEbR4ykY+Pv6n00moF9JoCqdzTy91j5IiMzVn3r0VZyFHI9F7B3hSYHA5fbfxi0IjtZtjQyp8WjUswO" +
				"8x9yyLTwxFuqPcUJQNPGPemUtV1FnydJDtxhzquOQGmwR2pmxR6p7bYG1uNNo3mIj6sZpPtvJ6wB9rQOg=",
		},
		{
			"n0nceEEEE", "suitesim0001", "8ef12d7093710609e3b97e935aaacfba979d7d13",
			"{\"EventType\":\"check_update_suite_url\",\"Random\":\"Q7xSim01\",\"TestSuiteKey\":\"suitesim0001\"}",
			"tqCAVakfPNUdEbR4ykY+Pl4lh8KWhbSw8ov4OdGwDHgfWfrMU5NvoAhDq8p/RpKDggqF+AblU5XklAoV8HfRq8ycBN" +
				"uqHExZdMAylLHaVUphTEpl1V8x3SjJiqN9IeLiAnDiDbSijSqmzJTXigOj3AcDXG8tP+Ur86CxS+FJoaI=",
		},
		{
			"n0nceFFFF", "dingsimapp0001", "e2415b188a9a4e01731c9be36179680648da6805",
			"success",
			"tqCAVakfPNUdEbR4ykY+PvM3HKCQ+wW5RTcxkP9TkvSf1Y5UOX+H0nnAhYLiUc9jk1GYHmPIJh2uMsRWhfno1g==",
		},
	}
}

func TestCallbackVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors() {
		c := vectorCallback(t, v[1])
		plain, receiver, err := c.open(v[2], vectorMS, v[0], v[4])
		require.NoError(t, err)
		require.Equal(t, v[3], string(plain))
		require.Equal(t, v[1], receiver)
		_, _, err = c.open(v[2][1:]+"0", vectorMS, v[0], v[4])
		require.Equal(t, provider.Refuse(provider.RefusedSignature), err)
		_, _, err = (&callback{sealed: c.sealed, appKey: "other"}).open(v[2], vectorMS, v[0], v[4])
		require.Equal(t, provider.Refuse(provider.RefusedReceiver), err)
	}
}

func vectorRequest(v [5]string) provider.CallbackRequest {
	body, err := json.Marshal(map[string]string{"encrypt": v[4]})
	if err != nil {
		panic(err)
	}
	return provider.CallbackRequest{
		Method: http.MethodPost, Body: body, Now: time.UnixMilli(1767225600000),
		Query: url.Values{"signature": {v[2]}, "timestamp": {vectorMS}, "nonce": {v[0]}},
	}
}

func TestCallbackAnswersAndReduces(t *testing.T) {
	t.Parallel()
	v := vectors()[0]
	c := vectorCallback(t, v[1])
	result, err := c.Receive(vectorRequest(v))
	require.NoError(t, err)
	require.Equal(t, []provider.Event{{
		ID: "user_add_org/1767225600000", Kind: "user_add_org", Object: provider.ObjectMember,
		IDs: []string{"0123456701"}, At: time.UnixMilli(1767225600000),
	}}, result.Events)
	var answer map[string]string
	require.NoError(t, json.Unmarshal(result.Body, &answer))
	plain, err := c.sealed.Open(answer["msg_signature"], answer["timeStamp"], answer["nonce"], answer["encrypt"], v[1])
	require.NoError(t, err)
	require.Equal(t, "success", string(plain))
	check, err := vectorCallback(t, vectors()[2][1]).Receive(vectorRequest(vectors()[2]))
	require.NoError(t, err)
	require.Empty(t, check.Events)
	late := vectorRequest(v)
	late.Now = late.Now.Add(time.Hour)
	_, err = c.Receive(late)
	require.Equal(t, provider.Refuse(provider.RefusedStale), err)
}

func FuzzCallback(f *testing.F) {
	for _, v := range vectors() {
		f.Add(vectorRequest(v).Body, v[2], v[0])
	}
	c, err := openCallback(provider.Settings{
		"app_key": "dingsimapp0001", keyCallbackToken: vectorToken, keyCallbackAES: vectorAES,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, signature, nonce string) {
		result, err := c.Receive(provider.CallbackRequest{
			Method: http.MethodPost, Body: body, Now: time.UnixMilli(1767225600000),
			Query: url.Values{"signature": {signature}, "timestamp": {vectorMS}, "nonce": {nonce}},
		})
		require.True(t, err == nil || result.Body == nil)
	})
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"EventType":"org_dept_modify","deptId":[1],"TimeStamp":"1767225600000"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := decodeCallback(body)
		require.True(t, err == nil || events == nil)
	})
}
