package activities

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

func TestPreflightSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	c := departments(0)
	c.check = func() (*provider.Report, error) {
		return &provider.Report{Findings: []provider.Finding{
			{
				Level: provider.Pass,
				Check: provider.Detail("credentials"),
			}, {Level: provider.Warn, Check: provider.Detail("phones"), Detail: provider.Detail("not sent")},
			{
				Level:  provider.Fail,
				Check:  provider.Detail("departments"),
				Detail: provider.Detail("the permission is missing"),
				Action: provider.Detail("grant it"),
			},
			{Level: provider.Fail, Check: provider.Detail("members"), Detail: provider.Detail("none can be read")},
		}}, nil
	}
	b := newBenchAs(t, database(t), directory.DingTalk, c, c)
	failed := b.fails(b.pull.Preflight, b.ref())
	require.Equal(t, string(provider.Forbidden), failed.Type())
	require.True(t, failed.NonRetryable())
	require.Equal(t,
		"DingTalk preflight: departments: the permission is missing; grant it | members: none can be read; see: "+
			"orgsync provider test "+
			b.provider.Name, failed.Message())
}

func TestPreflightThatCannotTellIsTriedAgain(t *testing.T) {
	t.Parallel()
	c := departments(0)
	c.check = func() (*provider.Report, error) { return nil, ofCall(provider.Unavailable) }
	b := newBench(t, database(t), c, c)
	require.False(t, b.fails(b.pull.Preflight, b.ref()).NonRetryable())
	require.True(t, b.fails(b.pull.Preflight, b.ref(), triesOfRun-1).NonRetryable())
}

// What an earlier, applied run could see and this one cannot is named, up to a bound.
func TestPreflightComparesTheVisibleRange(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range maxLost + 5 {
		many = append(many, fmt.Sprintf("%03d", i))
	}
	store := database(t)
	for name, c := range map[string]struct {
		earlier, now provider.VisibleRange
		want         PreflightResult
	}{
		"full": {provider.VisibleRange{Full: true}, provider.VisibleRange{Full: true}, PreflightResult{}},
		"shrunk": {provider.VisibleRange{Full: true}, provider.VisibleRange{Departments: []string{"1"}},
			PreflightResult{LimitedRange: true, Lost: []string{"the whole company"}}},
		"grown": {provider.VisibleRange{Departments: []string{"1"}}, provider.VisibleRange{Full: true},
			PreflightResult{}},
		"lost one": {provider.VisibleRange{Departments: []string{"1", "2"}},
			provider.VisibleRange{Departments: []string{"2"}},
			PreflightResult{LimitedRange: true, Lost: []string{"department 1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(0)
			visible := c.earlier
			d.check = func() (*provider.Report, error) { return &provider.Report{Range: visible}, nil }
			b := newBench(t, store, d, d)
			require.Empty(t, must[PreflightResult](b, b.pull.Preflight, b.ref()).Lost, "there is nothing earlier")
			must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
			b.begin()
			visible = c.now
			require.Equal(t, c.want, must[PreflightResult](b, b.pull.Preflight, b.ref()))
		})
	}
	d := departments(0)
	visible := provider.VisibleRange{Departments: many}
	d.check = func() (*provider.Report, error) { return &provider.Report{Range: visible}, nil }
	b := newBench(t, store, d, d)
	must[PreflightResult](b, b.pull.Preflight, b.ref())
	must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	b.begin()
	visible.Departments = nil
	require.Len(t, must[PreflightResult](b, b.pull.Preflight, b.ref()).Lost, maxLost)
}
