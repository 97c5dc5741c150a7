package provider_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

func TestErrorText(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]provider.Error{
		"WeCom 60020: not trusted; add it (user/list, request 42)": {
			Provider: directory.WeCom, Code: "60020", Problem: provider.Detail("not trusted"),
			Action: provider.Detail("add it"), Endpoint: "user/list", RequestID: "42"},
		"Feishu: the page token repeats; " + provider.Malformed.Remedy().String() + " (scopes)": {
			Provider: directory.Feishu, Kind: provider.Malformed, Problem: provider.Detail("the page token repeats"),
			Endpoint: "scopes"},
		"DingTalk 90018: too many calls; nothing to do: the sync waits as long as the provider says (user/get)": {
			Provider: directory.DingTalk, Kind: provider.RateLimited, Code: "90018",
			Problem: provider.Detail("too many calls"), Endpoint: "user/get", RetryAfter: time.Second},
		"WeCom: not this way; report it: the request that orgsync sent is wrong": {Provider: directory.WeCom,
			Kind: provider.Invalid, Problem: provider.Detail("not this way")},
	} {
		require.Equal(t, want, e.Error())
	}
	e := provider.Error{
		Provider: directory.WeCom,
		Code:     "60020",
		Problem:  provider.Detail("not trusted"),
		Action:   provider.Detail("add it"),
		Endpoint: "user/list",
	}
	require.Equal(
		t,
		"WeCom 60020: not trusted (user/list)",
		e.Said().String(),
		"where the remedy has a place of its own",
	)
}

func TestErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := fmt.Errorf("read department 7: %w",
		&provider.Error{Kind: provider.Unavailable, Problem: provider.Detail("reset"), Err: cause})
	require.ErrorIs(t, err, cause)
	require.Equal(t, provider.Unavailable, provider.KindOf(err))
	require.Empty(t, provider.KindOf(cause))
	require.Empty(t, provider.KindOf(nil))
	require.NotContains(t, err.Error(), "cause", "a cause may hold what a text must not")
}

func TestEveryKindPassesOrEndsTheRunOrConcernsOneObject(t *testing.T) {
	t.Parallel()
	type verdict struct{ retryable, endsRun bool }
	for kind, want := range map[provider.Kind]verdict{
		provider.Invalid:         {},
		provider.Unauthenticated: {endsRun: true},
		provider.TokenRefused:    {retryable: true, endsRun: true},
		provider.Forbidden:       {endsRun: true},
		provider.OutOfRange:      {},
		provider.NotFound:        {},
		provider.RateLimited:     {retryable: true},
		provider.QuotaExhausted:  {endsRun: true},
		provider.Unavailable:     {retryable: true},
		provider.Malformed:       {retryable: true},
		provider.CursorExpired:   {retryable: true},
		provider.TooLarge:        {},
		provider.CodeRefused:     {},
		provider.OtherCompany:    {},
		provider.MemberSuspended: {},
		"":                       {},
	} {
		require.Equal(t, want, verdict{kind.Retryable(), kind.EndsRun()}, kind)
	}
}

func TestRangeLost(t *testing.T) {
	t.Parallel()
	full := provider.VisibleRange{Full: true}
	some := provider.VisibleRange{Departments: []string{"1", "2"}, Members: []string{"ada"}}
	for name, test := range map[string]struct {
		earlier, now provider.VisibleRange
		want         []string
	}{
		"full stays full":     {full, full, nil},
		"widened to full":     {some, full, nil},
		"full became limited": {full, some, []string{"the whole company"}},
		"full became nothing": {full, provider.VisibleRange{}, []string{"the whole company"}},
		"unchanged":           {some, some, nil},
		"grown": {some, provider.VisibleRange{Departments: []string{"1", "2", "3"},
			Members: []string{"ada", "bob"}}, nil},
		"one department less": {some, provider.VisibleRange{Departments: []string{"2"},
			Members: []string{"ada"}}, []string{"department 1"}},
		"one for another": {some, provider.VisibleRange{Departments: []string{"1", "3"},
			Members: []string{"bob"}}, []string{"department 2", "member ada"}},
		"not said is not lost": {some, provider.VisibleRange{Departments: []string{"1", "2"},
			MembersUnknown: true}, nil},
		"departments are said": {some, provider.VisibleRange{Departments: []string{"1"}, MembersUnknown: true},
			[]string{"department 2"}},
		"said again": {provider.VisibleRange{Departments: []string{"1"}, MembersUnknown: true}, some,
			nil},
		"a department is no member": {some, provider.VisibleRange{Departments: []string{"1", "2", "ada"}},
			[]string{"member ada"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, test.now.Lost(test.earlier))
		})
	}
}

func TestReportIsOKUnlessSomethingFails(t *testing.T) {
	t.Parallel()
	r := provider.Report{}
	require.True(t, r.OK())
	r.Findings = []provider.Finding{{Level: provider.Pass}, {Level: provider.Warn}}
	require.True(t, r.OK())
	r.Findings = append(r.Findings, provider.Finding{Level: provider.Fail}, provider.Finding{Level: provider.Pass})
	require.False(t, r.OK())
}
