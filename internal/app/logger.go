package app

import (
	"io"
	"log/slog"

	"github.com/orgsync/orgsync/internal/config"
)

// NewLogger returns the process's logger in the configured form and level.
func NewLogger(w io.Writer, cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
