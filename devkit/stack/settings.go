package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Setting is one environment variable.
type Setting struct{ Name, Value string }

// Settings are the environment variables that point the project's programs to the stack, and people and scripts to the
// control interface of its simulator. They hold credentials of the stack.
func (s *Stack) Settings() []Setting {
	settings := []Setting{
		{"DATABASE_URL", s.DatabaseURL()},
		{"TEMPORAL_ADDRESS", s.Temporal.Address()},
		{"TEMPORAL_NAMESPACE", Namespace},
		{"ORGSYNC_KEYSET", filepath.Join(s.cfg.Dir, "keyset.json")},
		{"ORGSYNC_UI_URL", s.Temporal.UI()},
		{"ORGSYNC_SIM_CONTROL_URL", s.Simulated.Control},
		{"ORGSYNC_WEBHOOK_NETWORKS", "127.0.0.0/8,::1/128"}, // applications being tried on this machine
	}
	if s.token != "" {
		settings = append(settings, Setting{"ORGSYNC_SERVER_URL", s.serverURL}, Setting{"ORGSYNC_TOKEN", s.token},
			Setting{"ORGSYNC_PUBLIC_URL", s.serverURL})
	}
	return settings
}

// Environ is this process's environment changed by settings, without other variables that could lead to another
// database or another Temporal.
func Environ(settings []Setting) []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		elsewhere := strings.HasPrefix(name, "TEMPORAL_") || strings.HasPrefix(name, "PG") ||
			name == "DATABASE_URL" || name == "ORGSYNC_KEYSET"
		if !elsewhere {
			env = append(env, entry)
		}
	}
	for _, setting := range settings {
		env = append(env, setting.Name+"="+setting.Value) // the last of a name counts
	}
	return env
}

// Exports writes settings as lines for a POSIX shell to source, by which it also finds the programs in some directories
// before others.
func Exports(settings []Setting, path ...string) string {
	var text strings.Builder
	for _, setting := range settings {
		fmt.Fprintf(&text, "export %s=%s\n", setting.Name, quoted(setting.Value))
	}
	for _, dir := range slices.Backward(path) {
		fmt.Fprintf(&text, "export PATH=%s:\"$PATH\"\n", quoted(dir))
	}
	return text.String()
}

func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }
