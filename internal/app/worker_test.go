package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/notify"
)

// Whatever format the settings accept can be written.
func TestEveryWebhookFormatIsKnown(t *testing.T) {
	t.Parallel()
	require.ElementsMatch(t, notify.Formats(), config.WebhookFormats)
}
