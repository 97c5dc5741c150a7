package main

import (
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/starter/cli"
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
	s := &cli.Session{Stdout: app.Stdout, Stderr: app.Stderr, JSON: wantsJSON(ctx.Args)}
	if err := (versionCommand{}).Run(s); err != nil {
		return err
	}
	app.Exit(cli.ExitDone)
	return nil
}

// Run implements the command.
func (versionCommand) Run(s *cli.Session) error {
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
	if s.JSON {
		return s.PrintJSON(build{Version: version, Revision: revision, Go: runtime.Version()})
	}
	if revision != "" {
		version += " " + revision
	}
	s.Printf("orgsync %s %s", version, runtime.Version())
	return nil
}
