package rules

import (
	"reflect"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/translit"
)

// maxCost bounds one evaluation: about a millisecond.
const maxCost = 10_000

// result is what an expression must come to.
type result int

const (
	boolean result = iota
	text
)

// variableTypes are the variables of expressions: a member's stored fields by their columns,
// and those that listings show beside.
var variableTypes = map[string]*cel.Type{
	"id": cel.StringType, "external_id": cel.StringType, "unionid": cel.StringType, "open_id": cel.StringType,
	"name": cel.StringType, "name_translit_full": cel.StringType, "name_translit_initial": cel.StringType,
	"email": cel.StringType, "phone": cel.StringType, "avatar_url": cel.StringType, "title": cel.StringType,
	"status": cel.StringType, "active": cel.BoolType, "activated": cel.BoolType,
	"employee_no": cel.StringType, "manager_external_id": cel.StringType,
	"departments": cel.ListType(cel.ObjectType("rules.Department")),
	"attributes":  cel.MapType(cel.StringType, cel.DynType),
	"raw":         cel.MapType(cel.StringType, cel.DynType), "raw_data": cel.MapType(cel.StringType, cel.DynType),
}

// environment declares variables and functions, once for all expressions.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{
		ext.Strings(), cel.OptionalTypes(), ext.NativeTypes(reflect.TypeFor[Department](), ext.ParseStructTags(true)),
		cel.ParserExpressionSizeLimit(MaxExpression), cel.ASTValidators(cel.ValidateRegexLiterals()),
		onText("e164", normalize.Phone), onText("pinyin", translit.Full),
	}
	for name, kind := range variableTypes {
		options = append(options, cel.Variable(name, kind))
	}
	return cel.NewEnv(options...)
})

// onText declares a function from text to text.
func onText(name string, do func(string) string) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_string", []*cel.Type{cel.StringType}, cel.StringType,
		cel.UnaryBinding(func(value ref.Val) ref.Val { return types.String(do(string(value.(types.String)))) })))
}

// program is a compiled expression.
type program struct {
	cel.Program
	// uses are the variables that it refers to.
	uses map[string]bool
}

// compile makes a program of an expression. The error says what is wrong and what would be right.
func compile(expression string, want result) (*program, *message.Error) {
	if len(expression) > MaxExpression {
		return nil, wrong("rule.expression_too_long", message.Args{"Bytes": len(expression), "Most": MaxExpression})
	}
	env, err := environment()
	if err != nil {
		return nil, wrong("rule.not_evaluated", message.Args{"Said": err.Error()})
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, issuesError(issues)
	}
	if err := accepts(want, ast.OutputType()); err != nil {
		return nil, err
	}
	made, err := env.Program(ast, cel.CostLimit(maxCost), cel.CostTracking(sizeCost{}))
	if err != nil {
		return nil, wrong("rule.not_evaluated", message.Args{"Said": err.Error()})
	}
	out := &program{Program: made, uses: map[string]bool{}}
	for _, reference := range ast.NativeRep().ReferenceMap() {
		if _, ok := variableTypes[reference.Name]; ok {
			out.uses[reference.Name] = true
		}
	}
	return out, nil
}

// accepts refuses expressions whose value could never be what is wanted.
func accepts(want result, is *cel.Type) *message.Error {
	if is.Kind() == types.DynKind {
		return nil // what it is shows with each member
	}
	switch {
	case want == boolean && is.Kind() == types.BoolKind:
		return nil
	case want == boolean:
		return wrong("rule.value_not_boolean", message.Args{"Type": is.String()})
	case is.Kind() == types.StringKind, is.TypeName() == "optional_type" && accepts(want, is.Parameters()[0]) == nil:
		return nil
	default:
		return wrong("rule.value_not_text", message.Args{"Type": is.String()})
	}
}

// issuesError tells what the compiler found, each with its place in the expression. Its own words are
// English.
func issuesError(issues *cel.Issues) *message.Error {
	var said []message.Text
	for _, issue := range issues.Errors() {
		args := message.Args{
			"Said": issue.Message, "Line": issue.Location.Line(), "Column": issue.Location.Column() + 1,
			"Unknown": "", "Variables": Variables,
		}
		if unknown, ok := strings.CutPrefix(issue.Message, "undeclared reference to '"); ok {
			args["Unknown"], _, _ = strings.Cut(unknown, "'")
		}
		said = append(said, message.Of("rule.issue", args))
	}
	more := max(0, len(said)-maxIssues)
	return wrong("rule.not_compiled", message.Args{"Issues": said[:len(said)-more], "More": more})
}

func wrong(code message.Code, args message.Args) *message.Error {
	return &message.Error{Code: code, Args: args}
}

// maxIssues is how many of an expression's problems are told.
const maxIssues = 5

// Variables are the variables of expressions, for people.
const Variables = "id, unionid, open_id, name, email, phone, title, employee_no, status, active, activated, " +
	"avatar_url, manager_external_id, departments (each with id, name, path, primary, leader), attributes, raw"

// sizeCost lets a text that a function makes cost its length: calls that each multiply it
// would take all memory before they took much time.
type sizeCost struct{}

// CallCost implements interpreter.ActualCostEstimator.
func (sizeCost) CallCost(function, _ string, _ []ref.Val, made ref.Val) *uint64 {
	size := uint64(1)
	if s, ok := made.(types.String); ok {
		size += uint64(len(s)) / 10
	}
	switch function {
	case "replace", "join", "format", "_+_":
		if s, ok := made.(types.String); ok {
			size += uint64(len(s))
		}
	case "matches":
		return nil // which has a cost of its own
	}
	return &size
}

// code returns the mapping's expression.
func (m Mapping) code() string {
	if m.Source == "" {
		return m.Expression
	}
	// Whatever of the path is missing, the source has no value, which is no failure; but an
	// attribute that the provider did not send is one.
	root, rest, _ := strings.Cut(m.Source, ".")
	if key, below, ok := strings.Cut(rest, "."); root == "attributes" && ok {
		root, rest = root+"."+key, below
	} else if root == "attributes" {
		return m.Source
	}
	return strings.TrimSuffix(root+".?"+strings.ReplaceAll(rest, ".", ".?"), ".?")
}
