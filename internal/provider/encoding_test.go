package provider_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// A gateway may send answers in another encoding than the provider's UTF-8. What it
// declares is undone; what cannot be read is no answer.
func TestAnswersAreReadInTheEncodingTheyDeclare(t *testing.T) {
	t.Parallel()
	const answer = `{"errcode":0,"userlist":[{"userid":"zhang","name":"张三"}]}`
	in := func(e encoding.Encoding) string {
		encoded, err := e.NewEncoder().String(answer)
		require.NoError(t, err)
		return encoded
	}
	gbk := in(simplifiedchinese.GBK)
	for name, c := range map[string]struct {
		contentType, body string
		readable          bool
	}{
		"GBK":                  {"application/json; charset=gbk", gbk, true},
		"GBK by an older name": {`application/json;charset="GB2312"`, gbk, true},
		"GB18030":              {"text/plain; Charset=GB18030", in(simplifiedchinese.GB18030), true},
		"UTF-16": {"application/json; charset=utf-16le",
			in(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)), true},
		"UTF-8":                      {"application/json; charset=UTF-8", answer, true},
		"UTF-8 with a mark":          {"application/json", "\uFEFF" + answer, true},
		"UTF-8, undeclared":          {"application/json", answer, true},
		"UTF-8, declared as another": {"application/json; charset=ISO-8859-1", answer, true},
		"UTF-8, declared as GBK":     {"application/json; charset=gbk", answer, true},
		"UTF-8, oddly declared":      {"application/json; charset=utf8mb4", answer, true},
		"UTF-8, declared as nothing": {"nonsense; ; charset", answer, true},
		"GBK, undeclared":            {"application/json", gbk, false},
		"GBK, declared as UTF-8":     {"application/json; charset=utf-8", gbk, false},
		"GBK, broken": {"application/json; charset=gbk", gbk[:len(gbk)-4] + "\xff" + gbk[len(gbk)-4:],
			false},
		"GBK, oddly declared":      {"application/json; charset=cp936x", gbk, false},
		"UTF-8, cut within a sign": {"application/json; charset=utf-8", answer[:len(answer)-5] + `"}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := newCall(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				_, _ = w.Write([]byte(c.body))
			})
			reply, err := call.do(t, t.Context())
			if c.readable {
				require.NoError(t, err)
				require.Equal(t, answer, string(reply.Body))
				return
			}
			var e *provider.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, provider.Malformed, e.Kind)
			require.Contains(t, e.Problem.String(), "not text in the encoding that it declares")
			require.Equal(t, directory.WeCom, e.Provider)
		})
	}
}

// The code of a refusal is ASCII: it holds, whatever the text beside it is written in.
func TestRefusalsHoldInAnyEncoding(t *testing.T) {
	t.Parallel()
	call := newCall(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("{\"errcode\":60020,\"errmsg\":\"\xb2\xbb\xd4\xca\xd0\xed\"}"))
	})
	call.refused = &provider.Error{Provider: directory.WeCom, Kind: provider.Forbidden, Code: "60020",
		Problem: provider.Detail("not trusted")}
	_, err := call.do(t, t.Context())
	require.Equal(t, provider.Forbidden, provider.KindOf(err))
}
