package feishu

import (
	"strconv"
	"testing"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/errordocs"
)

func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	var rows []*provider.Error
	for code, v := range meanings {
		e := provider.Meaning(v).AsError(directory.Feishu, provider.Endpoint{}, nil)
		e.Code = strconv.FormatInt(code, 10)
		rows = append(rows, e)
	}
	errordocs.Require(t, directory.Feishu, rows)
}
