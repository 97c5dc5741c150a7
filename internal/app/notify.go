package app

import (
	"context"
	"fmt"
	"time"

	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/notify"
)

// HookTrial is what came of a test message to one webhook.
type HookTrial struct {
	// Webhook is its name, which does not give away where it leads.
	Webhook   string `json:"webhook"`
	Delivered bool   `json:"delivered"`
	Problem   string `json:"problem,omitempty"`
}

// TryHooks sends a test message to each of the configured webhooks.
func TryHooks(ctx context.Context, configured []config.Webhook, language message.Language) ([]HookTrial, error) {
	hooks, names := hooksOf(configured)
	sender := &notify.Sender{HTTP: newHTTPClient(len(hooks)), Now: time.Now}
	now := time.Now().UTC()
	trials := make([]HookTrial, len(hooks))
	for i, hook := range hooks {
		err := sender.Send(ctx, hook, notify.Message{Language: language, ID: fmt.Sprintf("test/%d", now.UnixNano()),
			Event: notify.Test, StartedAt: now, Commands: []string{}})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		trials[i] = HookTrial{Webhook: names[i], Delivered: err == nil}
		if err != nil {
			trials[i].Problem = err.Error()
		}
	}
	return trials, nil
}
