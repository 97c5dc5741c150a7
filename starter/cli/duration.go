package cli

import (
	"fmt"
	"reflect"
	"time"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/internal/config"
)

// Durations lets the durations of the command line be given as those of the settings
// are: in days, too.
func Durations() kong.Option {
	return kong.TypeMapper(reflect.TypeFor[time.Duration](),
		kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
			var text string
			if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
				return err
			}
			d, err := config.ParseDuration(text)
			if err != nil {
				return fmt.Errorf("%q is no duration; %w", text, err)
			}
			target.SetInt(int64(d))
			return nil
		}))
}
