package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/change"
	"github.com/orgsync/orgsync/starter/cli"
)

var update = flag.Bool("update", false, "write docs/cli-json.md anew")

const jsonDocument = "../docs/cli-json.md"

// field is one key of a type, as encoding/json writes it.
type field struct {
	key, kind string
	// inner is the type of the project that the value is, or is made of.
	inner reflect.Type
	// optional keys are left out where they are empty.
	optional bool
}

// fieldsOf lists a struct's keys, those of embedded structs among them.
func fieldsOf(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous && tag == "":
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			all = append(all, fieldsOf(inner)...)
		case !f.IsExported() || tag == "-":
		default:
			one := field{key: name, optional: strings.Contains(options, "omit")}
			one.kind, one.inner = kindOfJSON(f.Type)
			if f.Type.Kind() == reflect.Pointer && !one.optional {
				one.kind += " or null"
			}
			all = append(all, one)
		}
	}
	return all
}

func kindOfJSON(t reflect.Type) (string, reflect.Type) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time", nil
	case t == reflect.TypeFor[json.RawMessage]():
		return "any object", nil
	case t.Kind() == reflect.Pointer:
		return kindOfJSON(t.Elem())
	}
	switch t.Kind() {
	case reflect.String:
		return "text", nil
	case reflect.Bool:
		return "true or false", nil
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		return "number", nil
	case reflect.Map:
		return "object of texts", nil
	case reflect.Slice:
		kind, inner := kindOfJSON(t.Elem())
		return "list of " + kind, inner
	default:
		return "object", t
	}
}

// named are the names of types that the documentation tells apart from Go's.
func named() map[reflect.Type]string {
	names := map[reflect.Type]string{
		reflect.TypeFor[cli.Failed](): "error", reflect.TypeFor[cli.Object](): "object",
		reflect.TypeFor[directory.Removals](): "removals",
	}
	for _, o := range outputs {
		names[elementOf(reflect.TypeOf(o.value))] = o.name
	}
	return names
}

func elementOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// spelled makes words of a Go name: ReadDepartment is "read department".
func spelled(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && 'A' <= r && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// reached are all types, in the order in which the documentation meets them.
func reached() (types []reflect.Type) {
	names := named()
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		if t = elementOf(t); slices.Contains(types, t) {
			return
		}
		types = append(types, t)
		for _, f := range fieldsOf(t) {
			if f.inner != nil {
				if names[f.inner] == "" {
					names[f.inner] = spelled(f.inner.Name())
				}
				visit(f.inner)
			}
		}
	}
	visit(reflect.TypeFor[cli.Failed]())
	for _, o := range outputs {
		visit(reflect.TypeOf(o.value))
	}
	return types
}

func nameOf(t reflect.Type) string {
	if name := named()[t]; name != "" {
		return name
	}
	return spelled(t.Name())
}

func describe() string {
	var b strings.Builder
	b.WriteString(`# JSON of the command line

With ` + "`--output json` (or `-o json`)" + ` every command prints exactly one JSON document on standard output. This page
is written from the program's types by its tests. A key has the same meaning everywhere. Keys may be added; none is
renamed or changes its meaning.

A command that fails before it has printed a document prints an [error](#error), also for wrong usage; the
[exit status](../README.md#start-a-sync) says what kind of error it is. Progress and warnings go to standard error.
Times are in RFC 3339, ids are text.

## Commands

| command | prints |
|---|---|
`)
	for _, o := range outputs {
		kind := "[" + o.name + "](#" + anchor(o.name) + ")"
		if reflect.TypeOf(o.value).Kind() == reflect.Slice {
			kind = "list of " + kind
		}
		fmt.Fprintf(&b, "| %s | %s |\n", "`"+strings.Join(o.commands, "`, `")+"`", kind)
	}
	b.WriteString("\n## Types\n")
	for _, t := range reached() {
		fmt.Fprintf(&b, "\n### %s\n\n| key | is |\n|---|---|\n", nameOf(t))
		for _, f := range fieldsOf(t) {
			kind := f.kind
			if f.inner != nil {
				kind = strings.Replace(kind, "object", "["+nameOf(f.inner)+"](#"+anchor(nameOf(f.inner))+")", 1)
			}
			if f.optional {
				kind += ", left out if empty"
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", f.key, kind)
		}
	}
	b.WriteString("\n## Keys\n\n| key | means |\n|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(meanings)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", key, meanings[key])
	}
	return b.String()
}

func anchor(name string) string { return strings.ReplaceAll(name, " ", "-") }

func TestJSONIsDocumented(t *testing.T) {
	t.Parallel()
	if *update {
		require.NoError(t, os.WriteFile(jsonDocument, []byte(describe()), 0o644))
	}
	written, err := os.ReadFile(jsonDocument)
	require.NoError(t, err)
	require.Equal(t, string(written), describe(),
		"write it anew with: go test ./starter -run TestJSONIsDocumented -update")
}

// A key has one meaning and one kind of value, in whatever document.
func TestKeysMeanOneThing(t *testing.T) {
	t.Parallel()
	used := map[string]string{}
	for _, of := range reached() {
		for _, f := range fieldsOf(of) {
			kind := strings.TrimSuffix(f.kind, " or null")
			require.NotEmpty(t, meanings[f.key], "%s of %s has no meaning", f.key, of)
			// An export has rows, where others have figures of the same kind, and a change has the API's keys.
			own := strings.HasPrefix(of.Name(), "Exported") || of == reflect.TypeFor[change.Event]()
			if own {
				used[f.key] += "" // it has a meaning, whatever its kind
				continue
			}
			if before := used[f.key]; before != "" {
				require.Equal(t, before, kind, "%s of %s", f.key, of)
			}
			used[f.key] = kind
			require.False(t, of == reflect.TypeFor[report.Run]() && f.key == "id", "a run's id is run_id everywhere")
		}
	}
	for key := range meanings {
		require.Contains(t, used, key, "no document has it")
	}
}

// Every command that prints something is in the list.
func TestEveryCommandHasItsDocument(t *testing.T) {
	t.Parallel()
	parser, err := newParser(&commands{}, kong.Exit(func(int) {}))
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, o := range outputs {
		for _, command := range o.commands {
			listed[strings.Split(command, " --")[0]] = true
		}
	}
	for _, s := range stages(parser.Model.Node, "") {
		if len(s.choices) == 0 || s.path == "completion" {
			require.True(t, listed[s.path] || s.path == "help", s.path)
			delete(listed, s.path)
		}
	}
	require.Empty(t, listed, "no such command")
}

// requireDocumented checks that what a command printed is a document of one of its types
// and has no key beside those.
func (o outcome) requireDocumented(args []string) {
	o.t.Helper()
	var types []reflect.Type
	for _, out := range outputs {
		for _, command := range out.commands {
			words := strings.Fields(strings.Split(command, " --")[0])
			if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
				types = append(types, reflect.TypeOf(out.value))
			}
		}
	}
	if len(types) == 0 || o.status != cli.ExitDone {
		types = append(types, reflect.TypeFor[cli.Failed]())
	}
	var problems []string
	for _, t := range types {
		decoder := json.NewDecoder(strings.NewReader(o.stdout))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(reflect.New(t).Interface())
		if err == nil {
			return
		}
		problems = append(problems, err.Error())
	}
	require.Empty(o.t, problems, "%v printed what is not documented: %s", args, o.stdout)
}

func TestErrorsAreDocuments(t *testing.T) {
	t.Parallel()
	in := installation{t: t}
	for _, args := range [][]string{{"-o", "json"}, {"synch", "--output=json"},
		{"sync", "acme", "--now", "-o", "json"}, {"provider", "list", "-ojson"}} {
		o := in.run(args...)
		require.Equal(t, cli.ExitUsage, o.status)
		var document cli.Failed
		o.json(&document)
		require.Equal(t, cli.ExitUsage, document.ExitStatus)
		require.Equal(t, "orgsync: "+document.Error+"\n", o.stderr)
	}
}

// A type's name is an anchor of the documentation.
func TestTypesOfJSONHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	bearers := map[string]reflect.Type{}
	for _, is := range reached() {
		if name := nameOf(is); bearers[name] == nil {
			bearers[name] = is
		} else {
			t.Errorf("%v and %v are both called %q", bearers[name], is, name)
		}
	}
}
