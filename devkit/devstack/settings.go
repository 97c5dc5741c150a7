package devstack

import (
	"fmt"
	"slices"
	"strings"
)

// Setting is one environment variable.
type Setting struct{ Name, Value string }

// Settings are the environment variables that point the project's programs to the stack, first those they read, then
// ORGSYNC_SIM_*, which describe the simulated providers to people and scripts. They hold credentials of the stack.
func (s *Stack) Settings() []Setting {
	settings := []Setting{
		{"DATABASE_URL", s.postgres.URL(database)},
		{"TEMPORAL_ADDRESS", s.temporal.Address()},
		{"TEMPORAL_NAMESPACE", Namespace},
		{"ORGSYNC_KEYSET", s.keyset()},
		{"ORGSYNC_UI_URL", s.temporal.UI()},
	}
	if s.simulated.Control != "" {
		settings = append(settings, Setting{"ORGSYNC_SIM_CONTROL_URL", s.simulated.Control})
	}
	var described []Setting
	for vendor, config := range s.simulated.Providers {
		for key, value := range config {
			described = append(described, Setting{"ORGSYNC_SIM_" + strings.ToUpper(vendor+"_"+key), value})
		}
	}
	slices.SortFunc(described, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return append(settings, described...)
}

// Environ is this process's environment changed by settings, without other variables that could lead to another database
// or another Temporal.
func Environ(settings []Setting) []string {
	env := scrubbed()
	for _, setting := range settings {
		env = append(env, setting.Name+"="+setting.Value) // the last of a name counts
	}
	return env
}

// Exports writes settings as lines for a POSIX shell to source.
func Exports(settings []Setting) string {
	var text strings.Builder
	for _, setting := range settings {
		fmt.Fprintf(&text, "export %s=%s\n", setting.Name, quoted(setting.Value))
	}
	return text.String()
}

// ExportPath is such a line by which a shell finds the programs in a directory first.
func ExportPath(dir string) string { return "export PATH=" + quoted(dir) + ":\"$PATH\"\n" }

func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }
