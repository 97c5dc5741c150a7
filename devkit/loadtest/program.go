package loadtest

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// Program reads a command line into flags and does what they say. It returns the exit
// status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
func Program(ctx context.Context, name string, flags any, args []string, stdout, stderr io.Writer, do func() error, options ...kong.Option) int {
	helped := false
	options = append(options, kong.Name(name), kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }))
	parser, err := kong.New(flags, options...)
	if err != nil {
		fmt.Fprintln(stderr, name+":", err)
		return 1
	}
	_, err = parser.Parse(args)
	switch {
	case helped:
		return 0
	case err != nil:
		fmt.Fprintln(stderr, name+":", err)
		return 2
	}
	err = do()
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, name+": interrupted")
		return 130
	default:
		fmt.Fprintln(stderr, name+":", err)
		return 1
	}
}
