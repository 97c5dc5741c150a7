package cli

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
)

// codes are all codes that the use cases fail with.
func codes(t *testing.T) (all []service.Code) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../internal/service/errors.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && len(spec.Values) == 1 && fmt.Sprint(spec.Type) == "Code" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			all = append(all, service.Code(value))
		}
		return true
	})
	require.Greater(t, len(all), 40)
	return all
}

// Whoever adds a code says it at the command line, too: by its own text, or by its cause's.
func TestEveryErrorHasWordsAndAnExitStatus(t *testing.T) {
	t.Parallel()
	caused := map[service.Code]bool{
		service.Internal: true, service.SettingsWrong: true, service.TemporalSettingsWrong: true,
		service.TemporalUnreachable: true,
		service.NamespaceUnknown:    true, service.DatabaseUnfit: true, service.InputInvalid: true,
		service.DatabaseAway:          true,
		service.ProviderConfigInvalid: true, service.RulesInvalid: true,
		service.RunUndecided: true, service.NothingToDo: true, service.NotPossible: true, service.NotFound: true,
		service.RunNotBegun: true, service.FollowFailed: true, service.HoldGone: true, service.DecisionRefused: true,
		service.DecisionFailed: true, service.ScheduleNotSet: true,
	}
	known := map[service.Code]bool{}
	for _, code := range codes(t) {
		known[code] = true
		failure := new(Session).Describe(&service.Error{Code: code})
		if caused[code] {
			failure = new(Session).Describe(&service.Error{Code: code, Err: errors.New("because")})
		}
		require.NotEqual(t, string(code), failure.Error(), "%s has no text", code)
		require.NotEqual(t, ExitDone, failure.Status, code)
	}
	for code := range statuses {
		require.True(t, known[code], code)
	}
}

func TestErrorsKeepWhatIsSaidAroundThem(t *testing.T) {
	t.Parallel()
	held := new(Session).Describe(&service.Error{Code: service.RunUndecided, Err: errors.New("run 4f1c is held")})
	require.Equal(t, ExitHeld, held.Status)
	around := new(Session).Describe(fmt.Errorf("retry: %w", held))
	require.Equal(t, []any{ExitHeld, "retry: run 4f1c is held"}, []any{around.Status, around.Error()})
	both := new(Session).Describe(errors.Join(&service.Error{Code: service.TimeZoneWithoutCron},
		&service.Error{Code: service.TextEmpty}))
	require.Equal(t, ExitUsage, both.Status)
	require.Contains(t, both.Error(), "\n")
	decided := service.Run{ID: "4f1c6f6e-0000", Status: directory.RunHeld, DecidedBy: "ann@host"}
	require.Equal(t,
		"run 4f1c6f6e is not held: it was decided by ann@host already, which is carried out when the run at work "+
			"has ended; "+
			"no run of acme is waiting for a decision",
		new(Session).Describe(&service.Error{Code: service.AlreadyDecided,
			Args: service.Args{Provider: "acme", Run: decided}}).Error())
}
