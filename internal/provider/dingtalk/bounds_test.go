package dingtalk

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

// A page of 100 people, a token or one person's record is not of 16 MiB, whatever the
// server in DingTalk's place says.
func TestAnswersBeyondTheirCallsBound(t *testing.T) {
	t.Parallel()
	large := `{"errcode":0,"result":{"has_more":false,"list":[{"userid":"u1","remark":"` +
		strings.Repeat("x", 16<<20) + `"}]}}`
	f := newFixture(t, map[string]func(call) reply{
		"/topapi/v2/user/list": always(large), "/topapi/v2/user/get": always(large),
	})
	f.env.CallTimeout = time.Minute
	_, err := f.ListDepartmentMembers(t.Context(), provider.Query{Department: "1", Method: methodDepartment})
	require.Contains(t, requireError(t, err, provider.Malformed).Problem.String(), "larger than 4 MiB")
	_, err = f.user(t.Context(), "u1")
	require.Contains(t, requireError(t, err, provider.Malformed).Problem.String(), "larger than 1 MiB")

	f = newFixture(t, map[string]func(call) reply{tokenPath: always(large)})
	_, err = f.token(t.Context())
	require.Contains(t, requireError(t, err, provider.Malformed).Problem.String(), "larger than 1 MiB")
	for _, ep := range endpoints {
		require.LessOrEqual(t, ep.Largest, int64(provider.Largest), ep.Name)
	}
}
