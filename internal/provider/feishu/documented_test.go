package feishu

import (
	"strconv"
	"testing"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider/codedoc"
)

func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	var rows []codedoc.Code
	for code, v := range codes {
		rows = append(rows, codedoc.Code{Code: strconv.FormatInt(code, 10), Kind: v.kind, Problem: v.problem, Action: v.action})
	}
	codedoc.Require(t, directory.Feishu, rows)
}
