// Package cli runs the command lines of the development kit's programs, all by the same rules.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// Status is an exit status as an error, for what has said itself what is wrong.
type Status int

func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// Run reads a command line into grammar and does what it says. It returns the exit status: 0 done, 1 failed, 2 wrong
// usage, 130 interrupted, or a Status.
func Run(ctx context.Context, name string, grammar any, args []string, stdout, stderr io.Writer,
	do func(*kong.Context) error, options ...kong.Option) int {
	helped := false
	options = append(options, kong.Name(name), kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)))
	parser, err := kong.New(grammar, options...)
	if err != nil {
		fmt.Fprintln(stderr, name+":", err)
		return 1
	}
	parsed, err := parser.Parse(args)
	if helped {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n%s: try %s --help\n", name, err, name, name)
		return 2
	}
	err = do(parsed)
	var status Status
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, name+": interrupted")
		return 130
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintln(stderr, name+":", err)
	return 1
}
