package dingtalk

import (
	"testing"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider/codedoc"
)

func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	var rows []codedoc.Code
	for code, v := range classes {
		rows = append(rows, codedoc.Code{Code: code, Kind: v.kind, Problem: v.problem, Action: v.action})
	}
	codedoc.Require(t, directory.DingTalk, rows)
}
