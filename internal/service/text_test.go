package service_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/service"
)

func TestCatalogueSaysNothingOfOtherErrors(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("errors.go")
	require.NoError(t, err)
	var catalogue struct{ Error map[string]any }
	_, err = toml.DecodeFile("../message/en.toml", &catalogue)
	require.NoError(t, err)
	require.Greater(t, len(catalogue.Error), 30)
	for code := range catalogue.Error {
		require.Contains(t, string(source), `Code = "`+code+`"`)
	}
}

func TestErrorsHaveTextsInBothLanguages(t *testing.T) {
	t.Parallel()
	shout := strings.ToUpper
	for _, c := range []struct {
		err              *service.Error
		english, chinese string
	}{
		{&service.Error{Code: service.RowLimitInvalid, Args: service.Args{Field: "limit", Number: 1e6, Most: 500}},
			"LIMIT is 1000000; it must be from 1 to 500", "LIMIT 为 1000000；必须在 1 到 500 之间"},
		{&service.Error{Code: service.ProviderUnknown,
			Args: service.Args{Provider: "globex", Providers: []string{"acme", "off"}}},
			`there is no provider "globex"; the stored providers are: acme, off`, `没有提供方 "globex"；已保存的有：acme, off`},
		{&service.Error{Code: service.AlreadyDecided, Args: service.Args{Provider: "acme",
			Run:  service.Run{ID: "4f1c6f6e-0000", Status: directory.RunRejected, DecidedBy: "ann@host"},
			Held: []service.Run{{ID: "7e4a0000-1111", HoldReason: "too many"}}}},
			"run 4f1c6f6e is not held: it was decided by ann@host and ended rejected; run 7e4a0000 is held (too " +
				"many); " +
				"see: orgsync runs show 7e4a0000",
			"运行 4f1c6f6e 未在等待审批：已由 ann@host 决定，已结束，状态为已拒绝；运行 7e4a0000 正在等待审批（too many）；" +
				"查看：orgsync runs show 7e4a0000"},
		{&service.Error{Code: service.HeldAmbiguous, Args: service.Args{Provider: "acme",
			Held: []service.Run{{ID: "4f1c6f6e-0000"}, {ID: "7e4a0000-1111"}}}},
			"2 runs of acme are waiting for a decision; name one of them: 4f1c6f6e, 7e4a0000",
			"acme 有 2 个运行等待审批；请指定其中一个：4f1c6f6e, 7e4a0000"},
		{&service.Error{Code: service.FollowFailed, Args: service.Args{Provider: "acme", WorkflowID: "w"},
			Err: &service.Error{Code: service.TemporalSilent, Args: service.Args{Duration: 60e9}}},
			"wait for workflow w: temporal has not answered for 1m; the run may go on: see orgsync runs list " +
				"--provider acme",
			"等待工作流 w：Temporal 已 1m 没有响应；运行可能仍在继续：查看 orgsync runs list --provider acme"},
		{&service.Error{Code: service.NotFound,
			Err: &message.Error{Code: message.RunNotStored, Args: message.Args{"Run": "4f"}}},
			`there is no run whose id begins with "4f"; see: orgsync runs list`, `没有以 "4f" 开头的运行；查看：orgsync runs list`},
		{&service.Error{Code: service.NotPossible, Err: errors.New("it was a plan")}, "it was a plan", "it was a plan"},
	} {
		require.Equal(t, c.english, c.err.Text(message.English, shout))
		require.Equal(t, c.chinese, c.err.Text(message.Chinese, shout))
	}
}

func TestWordsOfEventsHaveTexts(t *testing.T) {
	t.Parallel()
	for _, gap := range service.EventGaps {
		require.NotContains(t, gap.Text(message.Chinese), "event_gap")
	}
	for _, reason := range []provider.Refusal{
		provider.RefusedMalformed, provider.RefusedSignature, provider.RefusedDecrypt, provider.RefusedToken,
		provider.RefusedReceiver, provider.RefusedStale, provider.RefusedTooLarge, provider.RefusedSlow,
		provider.RefusedBusy,
	} {
		require.NotEqual(t, string(reason), message.English.EventRefusal(string(reason)))
	}
	for _, mode := range []string{service.EventsByCallback, service.EventsByStream} {
		require.NotEqual(t, mode, message.Chinese.EventMode(mode))
	}
}
