package feishu

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

// A page of 50 is not of 16 MiB, whatever the server in Feishu's place says.
func TestAnswersBeyondTheirCallsBound(t *testing.T) {
	t.Parallel()
	large := data(`{"has_more":false,"items":[{"open_id":"ou_1","description":"` + strings.Repeat("x", 16<<20) + `"}]}`)
	c, _ := newFake(t, map[string]http.HandlerFunc{usersPath: large, childrenPath: large, scopesPath: large})
	c.env.CallTimeout = time.Minute
	_, err := c.ListDepartmentMembers(t.Context(), provider.Query{Department: rootID, Method: methodDepartment})
	require.Equal(t, provider.Malformed, failure(t, err).Kind)
	require.Contains(t, err.Error(), "larger than 4 MiB")
	_, err = c.ListDepartments(t.Context(), wholeTree)
	require.Contains(t, failure(t, err).Problem.String(), "larger than 4 MiB")
}
