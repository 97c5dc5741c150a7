package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"text/template/parse"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// placeholders are the names in each text of a language, by code.
func placeholders(t *testing.T, l Language) map[Code][]string {
	t.Helper()
	var all []*i18n.Message
	for _, of := range []string{"", "console.", "provider."} {
		name := of + string(l) + ".toml"
		text, err := files.ReadFile(name)
		require.NoError(t, err)
		file, err := i18n.ParseMessageFileBytes(text, name, map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal})
		require.NoError(t, err)
		all = append(all, file.Messages...)
	}
	found := map[Code][]string{}
	for _, m := range all {
		require.NotEmpty(t, m.Other, "%s: %s", l, m.ID)
		var names []string
		for _, form := range []string{m.One, m.Other} {
			parsed, err := template.New(m.ID).Parse(form)
			require.NoError(t, err, m.ID)
			names = append(names, namesIn(parsed.Root, true)...)
		}
		slices.Sort(names)
		found[Code(m.ID)] = slices.Compact(names)
	}
	require.Greater(t, len(found), 100)
	return found
}

// namesIn are the placeholders below a part of a template. Where the dot is no longer what the
// template was given, only those that are named by "$" are its.
func namesIn(node parse.Node, dot bool) (names []string) {
	add := func(dot bool, parts ...parse.Node) {
		for _, part := range parts {
			names = append(names, namesIn(part, dot)...)
		}
	}
	branch := func(b *parse.BranchNode, dotInside bool) {
		add(dot, b.Pipe)
		add(dotInside, b.List)
		if b.ElseList != nil {
			add(dot, b.ElseList)
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		add(dot, n.Nodes...)
	case *parse.ActionNode:
		add(dot, n.Pipe)
	case *parse.PipeNode:
		for _, command := range n.Cmds {
			add(dot, command.Args...)
		}
	case *parse.FieldNode:
		if dot {
			names = n.Ident[:1]
		}
	case *parse.VariableNode:
		names = n.Ident[1:]
	case *parse.IfNode:
		branch(&n.BranchNode, dot)
	case *parse.WithNode:
		branch(&n.BranchNode, false)
	case *parse.RangeNode:
		branch(&n.BranchNode, false)
	}
	return names
}

func TestLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	english := placeholders(t, English)
	for _, l := range Languages[1:] {
		require.Equal(t, english, placeholders(t, l), l)
	}
}

// families are codes that are put together from words of the programs. Those of errors, of the
// API's problems and of the console are tested beside them.
var families = []string{"phase.", "status.", "kind.", "change.", "error.", "problem.", "action.", "field.", "console.",
	"event_gap.", "event_mode.", "event_object.", "event_refused.", "event_key.",
	"webhook.", "vendor.", "kind_remedy."}

// literals are codes that stand where they are used, such as in a client's table of the provider's
// codes.
var literals = []string{"refusal.", "credential.", "place.", "tried.", "found.", "cost.", "fault.", "remedy.", "rule."}

func isOf(families []string, code Code) bool {
	return slices.ContainsFunc(families, func(family string) bool { return strings.HasPrefix(string(code), family) })
}

func TestCatalogueHasTheCodesThatAreUsed(t *testing.T) {
	t.Parallel()
	english := placeholders(t, English)
	declared, used := declaredCodes(t), usedNames(t)
	values := map[Code]bool{}
	for name, code := range declared {
		values[code] = true
		require.Contains(t, english, code, "message.%s has no text", name)
		require.Contains(t, used, name, "message.%s is not used", name)
	}
	for code := range english {
		if !isOf(families, code) && !isOf(literals, code) {
			require.Contains(t, values, code, "no constant for the text %s", code)
		}
	}
}

func TestCatalogueHasTheCodesThatStandWhereTheyAreUsed(t *testing.T) {
	t.Parallel()
	used := map[Code]bool{}
	eachFile(t, func(_ string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if code := literalCode(n); code != "" {
				used[code] = true
			}
			return true
		})
	})
	written := map[Code]bool{}
	for code := range placeholders(t, English) {
		if isOf(literals, code) {
			written[code] = true
		}
	}
	require.Equal(t, written, used)
}

// literalCode is the code that an expression is, or "".
func literalCode(n ast.Node) Code {
	literal, ok := n.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	value, err := strconv.Unquote(literal.Value)
	if err != nil || !isOf(literals, Code(value)) || strings.ContainsAny(value, " %/") {
		return ""
	}
	return Code(value)
}

// declaredCodes are the constants of codes.go.
func declaredCodes(t *testing.T) map[string]Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	require.NoError(t, err)
	codes := map[string]Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			codes[spec.Names[0].Name] = Code(value)
		}
		return true
	})
	require.Greater(t, len(codes), 50)
	return codes
}

// eachFile calls do with every Go file of the module that is neither a test nor of this package.
func eachFile(t *testing.T, do func(path string, file *ast.File)) {
	t.Helper()
	root := filepath.Join("..", "..")
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root &&
			(strings.HasPrefix(entry.Name(), ".") || entry.Name() == "message" || entry.Name() == "tools"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err == nil {
			do(path, file)
		}
		return err
	}))
}

// usedNames are the names of this package that others use, or counts.go does.
func usedNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	own, err := parser.ParseFile(token.NewFileSet(), "counts.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(own, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			names[name.Name] = true
		}
		return true
	})
	eachFile(t, func(_ string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if name := ofMessage(n); name != "" {
				names[name] = true
			}
			return true
		})
	})
	return names
}

// ofMessage is the name that an expression takes from this package, or "".
func ofMessage(n ast.Node) string {
	selector, ok := n.(*ast.SelectorExpr)
	if !ok || fmt.Sprint(selector.X) != "message" {
		return ""
	}
	return selector.Sel.Name
}

// Where a code stands beside its arguments, they are all that its text names.
func TestTextsGetTheirArguments(t *testing.T) {
	t.Parallel()
	english, declared := placeholders(t, English), declaredCodes(t)
	checked := 0
	eachFile(t, func(path string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for i, arg := range call.Args[:max(0, len(call.Args)-1)] {
				code, isCode := declared[ofMessage(arg)]
				if literal := literalCode(arg); literal != "" {
					code, isCode = literal, true
				}
				names, isLiteral := namesGiven(t, call.Args[i+1])
				if !isCode || !isLiteral {
					continue
				}
				checked++
				require.Equal(t, english[code], names, "%s: arguments of %s", path, code)
			}
			return true
		})
	})
	require.Greater(t, checked, 120)
}

// namesGiven are the names in an expression that is a literal of Args, or nil.
func namesGiven(t *testing.T, args ast.Expr) (names []string, isLiteral bool) {
	t.Helper()
	if name, ok := args.(*ast.Ident); ok && name.Name == "nil" {
		return nil, true
	}
	given, ok := args.(*ast.CompositeLit)
	if !ok || ofMessage(given.Type) != "Args" {
		return nil, false
	}
	for _, element := range given.Elts {
		name, err := strconv.Unquote(element.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
		require.NoError(t, err)
		names = append(names, name)
	}
	slices.Sort(names)
	return names, true
}

func TestMatchChoosesTheReadersLanguage(t *testing.T) {
	t.Parallel()
	for accepted, want := range map[string]Language{
		"": English, "zh-CN,zh;q=0.9,en;q=0.8": Chinese, "de": English, "zh_TW": Chinese, "en-GB, zh;q=0.5": English,
		";;": English,
	} {
		require.Equal(t, want, Match(accepted), accepted)
	}
}

func TestTextsCount(t *testing.T) {
	t.Parallel()
	waiting := func(l Language, n int) string {
		return l.Text("error.held_ambiguous", Args{"Count": n, "Provider": "acme", "Held": "1, 2"})
	}
	require.Equal(t, "1 run of acme is waiting for a decision; name it: 1, 2", waiting("", 1))
	require.Equal(t, "2 runs of acme are waiting for a decision; name one of them: 1, 2", waiting(English, 2))
	require.Equal(t, "acme 有 1 个运行等待审批；请指定其中一个：1, 2", waiting(Chinese, 1))
}

func TestWordsOfTheProgramsHaveNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "等待审批", Chinese.Status("held"))
	require.Equal(t, "held", Language("fr").Status("held"))
	require.Equal(t, "later", Chinese.Phase("later"), "a word without a name stays as it is")
	named := placeholders(t, Chinese)
	for _, kind := range directory.Kinds() {
		require.Contains(t, named, Code("kind."+kind.Plural))
		require.Contains(t, named, Code("kind."+string(kind.Kind)))
	}
	for _, change := range changeNames {
		require.Contains(t, named, Code("change."+change))
	}
}

func TestErrorsAreSaidInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	kept, err := json.Marshal(&Error{Code: RunNotStored, Args: Args{"Run": "4f1c"}})
	require.NoError(t, err)
	var read Error
	require.NoError(t, json.Unmarshal(kept, &read))
	around := fmt.Errorf("undo: %w", &read)
	require.EqualError(t, around, `undo: there is no run whose id begins with "4f1c"; see: orgsync runs list`)
	require.Equal(t, `没有以 "4f1c" 开头的运行；查看：orgsync runs list`, Chinese.ErrorText(around))
	require.Equal(t, "because", Chinese.ErrorText(errors.New("because")))
}
