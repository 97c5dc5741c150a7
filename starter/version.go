package main

import (
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

// Help implements kong.HelpProvider.
func (versionCommand) Help() string {
	return `Examples:

  orgsync version
  orgsync version --output json`
}

// Run implements the command.
func (versionCommand) Run(s *session) error {
	version, revision := "(devel)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = setting.Value
			}
		}
	}
	if s.json {
		return s.printJSON(map[string]string{"version": version, "revision": revision, "go": runtime.Version()})
	}
	if revision != "" {
		version += " " + revision
	}
	s.say("orgsync %s %s", version, runtime.Version())
	return nil
}
