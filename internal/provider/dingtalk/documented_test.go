package dingtalk

import (
	"testing"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/errordocs"
)

func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	var rows []*provider.Error
	for code, v := range meanings {
		e := provider.Meaning(v).AsError(directory.DingTalk, provider.Endpoint{}, nil)
		e.Code = code
		rows = append(rows, e)
	}
	errordocs.Require(t, directory.DingTalk, rows)
}
