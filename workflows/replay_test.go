package workflows_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/orgsync/orgsync/workflows"
)

// Every recorded history replays against today's code, so that a workflow which was
// at work while workers were replaced goes on. Files named bad-* hold what the code
// never did: they show that the replay would notice.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "replay", "*.json"))
	require.NoError(t, err)
	var good, bad int
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.HasPrefix(name, "bad-") {
			bad++
		} else {
			good++
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := replay(t, file)
			if strings.HasPrefix(name, "bad-") {
				require.ErrorContains(t, err, "TMPRL1100", "a non-determinism error")
			} else {
				require.NoError(t, err)
			}
		})
	}
	require.GreaterOrEqual(t, good, 52, "recorded histories")
	require.GreaterOrEqual(t, bad, 5, "histories to refuse")
}

func replay(t *testing.T, file string) error {
	t.Helper()
	replayer, err := worker.NewWorkflowReplayerWithOptions(
		worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true})
	require.NoError(t, err)
	workflows.Register(replayer)
	return replayer.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), file)
}
