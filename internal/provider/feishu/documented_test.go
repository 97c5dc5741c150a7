package feishu

import (
	"strconv"
	"testing"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider/errordocs"
)

func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	var rows []errordocs.Code
	for code, v := range meanings {
		rows = append(rows, errordocs.Code{Code: strconv.FormatInt(code, 10), Kind: v.kind, Problem: v.problem,
			Action: v.action})
	}
	errordocs.Require(t, directory.Feishu, rows)
}
