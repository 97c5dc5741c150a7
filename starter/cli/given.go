package cli

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// RefuseEmpty makes every text and list on the command line that is given but empty wrong
// usage: it comes from a variable that is not set, and a flag that narrows would
// otherwise count as left out, which is everything.
func RefuseEmpty() []kong.Option {
	defaults := kong.NewRegistry().RegisterDefaults()
	return []kong.Option{
		kong.KindMapper(reflect.String, given{defaults.ForType(reflect.TypeFor[string]())}),
		kong.KindMapper(reflect.Slice, given{defaults.ForType(reflect.TypeFor[[]string]())}),
	}
}

// CheckIDs refuses an empty id in a list of them, as in --members ,
func CheckIDs(departments, members []string) error {
	if slices.ContainsFunc(departments, blank) {
		return UsageError(
			"--departments contains an empty id; give the provider's ids of departments, such as orgsync " +
				"tree NAME --ids shows")
	}
	if slices.ContainsFunc(members, blank) {
		return UsageError("--members contains an empty id; give the provider's ids of people, such as orgsync search " +
			"NAME TEXT shows")
	}
	return nil
}

func blank(id string) bool { return strings.TrimSpace(id) == "" }

// given decodes what is not empty.
type given struct{ kong.Mapper }

// Decode implements kong.Mapper.
func (g given) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if text, ok := ctx.Scan.Peek().Value.(string); !ok || strings.TrimSpace(text) != "" {
		return g.Mapper.Decode(ctx, target)
	}
	if ctx.Value.Flag == nil || ctx.Value.Required {
		return fmt.Errorf("the value is empty; give a value")
	}
	return fmt.Errorf("the value is empty; give a value, or leave --%s out", ctx.Value.Name)
}
