package main

import (
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

type versionCommand struct{}

// Help implements kong.HelpProvider.
func (versionCommand) Help() string {
	return `The same as --version.

Examples:

  orgsync version
  orgsync version --output json`
}

// versionFlag is --version, which stands for the command.
type versionFlag bool

// BeforeReset implements kong's hook, which runs before anything that is missing is
// missed.
func (versionFlag) BeforeReset(app *kong.Kong, ctx *kong.Context) error {
	s := &session{stdout: app.Stdout, stderr: app.Stderr, json: wantsJSON(ctx.Args)}
	if err := (versionCommand{}).Run(s); err != nil {
		return err
	}
	app.Exit(exitDone)
	return nil
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
		return s.printJSON(build{Version: version, Revision: revision, Go: runtime.Version()})
	}
	if revision != "" {
		version += " " + revision
	}
	s.say("orgsync %s %s", version, runtime.Version())
	return nil
}
