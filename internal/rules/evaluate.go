package rules

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/orgsync/orgsync/internal/directory"
)

// Program is a document's expressions, compiled. It is safe for concurrent use.
type Program struct {
	rules    Rules
	members  *program
	mappings []*program // nil: a constant
	uses     map[string]bool
}

// Compile compiles rules that Parse has returned.
func Compile(r Rules) (*Program, error) {
	out := &Program{rules: r, mappings: make([]*program, len(r.Mappings)), uses: map[string]bool{}}
	add := func(expression string, want result) (*program, error) {
		made, wrong := compile(expression, want)
		if wrong != nil {
			return nil, wrong
		}
		maps.Copy(out.uses, made.uses)
		return made, nil
	}
	var err error
	if r.Scope.Members != "" {
		if out.members, err = add(r.Scope.Members, boolean); err != nil {
			return nil, err
		}
	}
	for i, m := range r.Mappings {
		if m.code() == "" {
			continue
		}
		if out.mappings[i], err = add(m.code(), text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Uses reports whether any expression refers to the variable.
func (p *Program) Uses(variable string) bool { return p.uses[variable] }

// Outcome is what rules come to for one member.
type Outcome struct {
	// InScope is true if the member belongs in the directory. It means nothing where
	// ScopeError is set.
	InScope    bool
	ScopeError *EvalError
	Fields     []Field
}

// Field is what one mapping comes to.
type Field struct {
	Mapping
	// Value is what the field is set to; empty clears it.
	Value string
	// Err is set if the mapping failed: the stored value stays.
	Err *EvalError
}

// Evaluate evaluates everything on one member.
func (p *Program) Evaluate(m Member) Outcome {
	all := &variables{member: m}
	out := Outcome{InScope: true, Fields: make([]Field, len(p.rules.Mappings))}
	if p.members != nil {
		out.InScope, out.ScopeError = p.members.decide(all)
	}
	for i, mapping := range p.rules.Mappings {
		out.Fields[i] = Field{Mapping: mapping, Value: mapping.Constant}
		if p.mappings[i] != nil {
			out.Fields[i].Value, out.Fields[i].Err = p.mappings[i].text(all, mapping.Default)
		}
	}
	return out
}

// decide evaluates an expression that is true or false.
func (p *program) decide(v *variables) (bool, *EvalError) {
	value, err := p.eval(v)
	if err != nil {
		return false, err
	}
	decided, ok := value.(types.Bool)
	if !ok {
		return false, &EvalError{Reason: "its value is " + value.Type().TypeName() + ", not true or false"}
	}
	return bool(decided), nil
}

// text evaluates an expression whose value is a text. No value is the default's, or none.
func (p *program) text(v *variables, otherwise *string) (string, *EvalError) {
	value, err := p.eval(v)
	if err != nil {
		if err.missing && otherwise != nil {
			return *otherwise, nil
		}
		return "", err
	}
	if optional, ok := value.(*types.Optional); ok {
		value = types.NullValue
		if optional.HasValue() {
			value = optional.GetValue()
		}
	}
	out, ok := textOf(value)
	switch {
	case !ok:
		return "", &EvalError{Reason: "its value is " + value.Type().TypeName() + ", not a text"}
	case strings.TrimSpace(out) == "" && otherwise != nil:
		return *otherwise, nil
	default:
		return out, nil
	}
}

// textOf writes a single value as text; null is an empty one.
func textOf(value ref.Val) (string, bool) {
	switch value := value.(type) {
	case types.String:
		return string(value), true
	case types.Null:
		return "", true
	case types.Bool:
		return strconv.FormatBool(bool(value)), true
	case types.Int:
		return strconv.FormatInt(int64(value), 10), true
	case types.Uint:
		return strconv.FormatUint(uint64(value), 10), true
	case types.Double:
		return strconv.FormatFloat(float64(value), 'f', -1, 64), true
	default:
		return "", false
	}
}

func (p *program) eval(v *variables) (ref.Val, *EvalError) {
	value, _, err := p.Eval(cel.Activation(v))
	if err != nil {
		return nil, v.errorOf(err)
	}
	return value, nil
}

// EvalError is why an expression has no value for a member.
type EvalError struct {
	// Reason says it without the member's data.
	Reason string
	// Detail is the evaluator's own word, which may quote the member's data.
	Detail string
	// missing says that a key is missing, in whose place a mapping's default stands.
	missing bool
}

// Error implements error; it is free of the member's data.
func (e *EvalError) Error() string { return e.Reason }

// reasons are what the evaluator's errors mean, by how they begin. They quote values.
var reasons = map[string]string{
	"no such key":                 "a field that it refers to is missing",
	"optional.none() dereference": "a field that it refers to is missing",
	"index out of bounds":         "a list that it refers to is shorter",
	"no such overload":            "a value is of another type than the expression needs",
	"type conversion error":       "a value cannot be converted as the expression wants",
	"operation cancelled":         "it takes too long on this member",
	"division by zero":            "it divides by zero",
	"modulus by zero":             "it divides by zero",
}

// errorOf sorts what the evaluator said. Names of variables come from the expression.
func (v *variables) errorOf(err error) *EvalError {
	said := err.Error()
	if name, ok := strings.CutPrefix(said, "no such attribute(s): "); ok {
		return &EvalError{Reason: "the provider did not send " + name, Detail: said}
	}
	key, missing := strings.CutPrefix(said, "no such key: ")
	if _, has := v.member.Attributes[directory.Attribute(key)]; missing && !has && directory.Attribute(key).Sent() {
		return &EvalError{Reason: "the provider did not send attributes." + key, Detail: said}
	}
	for prefix, reason := range reasons {
		if strings.HasPrefix(said, prefix) {
			return &EvalError{Reason: reason, Detail: said, missing: missing}
		}
	}
	return &EvalError{Reason: "a value is not what the expression needs", Detail: said}
}

// Input is a variable's value for a member.
type Input struct {
	Name string
	// Value is as expressions see it, nil if the provider did not send it.
	Value any
}

// Inputs returns the variables that the expressions refer to, by name.
func (p *Program) Inputs(m Member) []Input {
	all := &variables{member: m}
	var out []Input
	for _, name := range slices.Sorted(maps.Keys(p.uses)) {
		value, ok := all.ResolveName(name)
		if !ok {
			value = nil
		}
		out = append(out, Input{Name: name, Value: value})
	}
	return out
}
