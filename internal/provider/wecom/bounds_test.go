package wecom

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

// WeCom's lists come whole: thousands of people with large records are an answer, 70 MiB for
// one department are none.
func TestAnswersBeyondTheirCallsBound(t *testing.T) {
	t.Parallel()
	const people = 4_000
	var list strings.Builder
	list.WriteString(`{"errcode":0,"errmsg":"ok","userlist":[`)
	for n := range people {
		if n > 0 {
			list.WriteByte(',')
		}
		list.WriteString(`{"userid":"u` + strconv.Itoa(n) +
			`","name":"x","extattr":{"attrs":[{"type":0,"name":"n","text":{"value":"` + strings.Repeat("v", 1500) +
			`"}}]}}`)
	}
	list.WriteString(`]}`)
	api := newAPI(t, map[string]string{
		"user/list": list.String(),
		"user/get":  `{"errcode":0,"userid":"u1","alias":"` + strings.Repeat("x", 16<<20) + `"}`,
	})
	opened := api.open(t, appOnly).(appClient)
	opened.env.CallTimeout = time.Minute
	page, err := opened.ListDepartmentMembers(t.Context(), provider.Query{Department: "1", Method: methodDepartment})
	require.NoError(t, err)
	require.Len(t, page.Members, people)

	api.handlers["user/list"] = always(`{"errcode":0,"userlist":[{"userid":"u1","alias":"` +
		strings.Repeat("x", 70<<20) + `"}]}`)
	_, err = opened.ListDepartmentMembers(t.Context(), provider.Query{Department: "1", Method: methodDepartment})
	require.Contains(t, requireError(t, err, provider.Malformed).Problem.String(), "larger than 64 MiB")
	_, err = opened.user(t.Context(), "u1")
	require.Contains(t, requireError(t, err, provider.Malformed).Problem.String(), "larger than 1 MiB")
}
