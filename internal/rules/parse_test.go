package rules_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/rules"
)

const whole = `
scope:
  departments: { include: ["od-1"], exclude: ["od-9"] }   # each with what is below
  members: active && email.endsWith("@acme.com")
  kinds: { groups: true, administrators: false }
  details: true
mapping:
  - { target: attributes.cost_center, expression: 'attributes.custom["C-6704"]', default: none }
  - { target: title, expression: 'title + (employee_no != "" ? " (" + employee_no + ")" : "")' }
  - { target: attributes.job_number, source: raw.job_number, when: create }
  - target: attributes.origin
    constant: acme
accounts: { policy: link_or_create, match: [phone], follow_contact: false, on_leave: unlink }
`

func TestParseReadsEveryField(t *testing.T) {
	t.Parallel()
	none := "none"
	want := rules.Rules{
		Scope: rules.Scope{
			Include: []string{"od-1"}, Exclude: []string{"od-9"}, Members: `active && email.endsWith("@acme.com")`,
			Groups: true, Details: true,
		},
		Mappings: []rules.Mapping{
			{Target: "attributes.cost_center", Expression: `attributes.custom["C-6704"]`, Default: &none},
			{Target: "title", Expression: `title + (employee_no != "" ? " (" + employee_no + ")" : "")`},
			{Target: "attributes.job_number", Source: "raw.job_number", OnCreate: true},
			{Target: "attributes.origin", Constant: "acme"},
		},
		Accounts: rules.Accounts{
			Policy: rules.PolicyLinkOrCreate, Match: []rules.Key{rules.KeyPhone}, OnLeave: rules.LeaveUnlink,
		},
	}
	got, err := rules.Parse([]byte(whole))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestParseReadsJSONAsItIs(t *testing.T) {
	t.Parallel()
	got, err := rules.Parse([]byte("{\t\"scope\": {\"members\": \"name != \\\"\\ud83d\\ude00\\/\\\"\"}}\n"))
	require.NoError(t, err)
	require.Equal(t, `name != "😀/"`, got.Scope.Members)
	require.Equal(t, rules.Default().Accounts, got.Accounts)

	_, err = rules.Parse([]byte("{\n\t\"scope\": {\n\t\t\"member\": \"x\"}}"))
	require.EqualError(t, err,
		`line 3, column 3: scope: "member" is no field here; fields are departments, details, kinds, members`)
}

// Whatever is wrong is refused with its place and what would be right.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ document, want string }{
		{"",
			"line 1, column 1: the document is empty; to have no rules, remove them with: orgsync rules remove NAME"},
		{"# nothing", "the document is empty"},
		{"~", "it is given but empty"},
		{"[]", "this must be an object with fields such as accounts"},
		{"text", "this must be an object with fields such as accounts"},
		{"scope: {", "line 1, column 1: this is neither YAML nor JSON: "},
		{"\xff", "it is not encoded as UTF-8"},
		{"scope:\n",
			"line 1, column 7: scope: it is given but empty; give an object with fields such as departments, or " +
				"leave it out"},
		{"scop: {}", `line 1, column 1: "scop" is no field here; fields are accounts, mapping, scope`},
		{"scope: {}", "line 1, column 8: scope: it is given but empty"},
		{"scope: yes", "scope: this must be an object"},
		{"a: &x 1", `"a" is no field here`},
		{"? [a]\n: b", "what stands here is no field here"},
		{"scope: &x { details: true }\nmapping: *x", "anchors and aliases are not read"},
		{"scope: { details: true, details: false }", "scope.details: it is given twice"},
		{"scope: { details: yes }", "scope.details: this must be true or false, without quotes"},
		{"scope: { details: \"true\" }", "scope.details: this must be true or false, without quotes"},
		{"scope: { details: True }", "scope.details: this must be true or false"},
		{"scope: { kinds: { roles: true } }",
			`scope.kinds: "roles" is no field here; fields are administrators, groups`},
		{"scope: { departments: { exclude: [] } }", "scope.departments.exclude: it is given but empty"},
		{"scope: { departments: { exclude: od-9 } }", "scope.departments.exclude: this must be a list"},
		{"scope: { departments: { exclude: [9] } }", `this must be a text; write it in quotes: "9"`},
		{"scope: { departments: { exclude: [\"\"] } }", "it is given but empty"},
		{"scope: { departments: { exclude: [' a'] } }", "has no space before or after it"},
		{"scope: { departments: { exclude: [a, a] } }", `"a" is given twice`},
		{"scope: { departments: { exclude: [a], include: [a] } }", `department "a" is both included and excluded`},
		{"scope: { members: '' }", "scope.members: it is given but empty"},
		{"scope: { members: true }", "this must be a text; write it in quotes"},
		{"scope: { members: emial != \"\" }",
			`scope.members: the expression does not compile: at line 1, column 1 of it: there is no "emial"; variables are `},
		{"scope: { members: name }", "scope.members: the expression's value is string; it must be true or false"},
		{"scope: { members: 'name ==' }",
			"the expression does not compile: at line 1, column 8 of it: Syntax error"},
		{"scope: { members: 'name.matches(\"[\")' }", "the expression does not compile"},
		{"scope: { members: 'departments.exists(d, d.pth == \"\")' }", "undefined field 'pth'"},
		{"scope: { members: '" + strings.Repeat("a", 4097) + "' }",
			"the expression has 4097 bytes; at most 4096 are allowed"},
		{"mapping: { target: title }", "mapping: this must be a list"},
		{"mapping: [{ constant: a }]",
			"mapping[0]: target is missing; give the field that is set: name, email, phone, title and attributes.KEY"},
		{"mapping: [{ target: title }]",
			"mapping[0]: 0 of source, constant and expression are given; give exactly one"},
		{"mapping: [{ target: title, constant: a, source: name }]",
			"mapping[0]: 2 of source, constant and expression are given"},
		{"mapping: [{ target: title, constant: a, default: b }]", "a constant is never without value"},
		{"mapping: [{ target: title, constant: 5 }]", `write it in quotes: "5"`},
		{"mapping: [{ target: unionid, source: name }]", `mapping[0].target: "unionid" cannot be mapped`},
		{"mapping: [{ target: employee_no, source: name }]", "cannot be mapped"},
		{"mapping: [{ target: attributes.custom, source: name }]", "cannot be mapped"},
		{"mapping: [{ target: attributes.A, source: name }]", "cannot be mapped"},
		{"mapping: [{ target: title, source: 'name + name' }]", `"name + name" is no field`},
		{"mapping: [{ target: title, source: nme }]", `there is no "nme"`},
		{"mapping: [{ target: title, expression: 'size(name)' }]",
			"the expression's value is int; it must be a text, as in: string(activated)"},
		{"mapping: [{ target: title, source: name, when: never }]",
			`mapping[0].when: "never" is not known; give one of always, create`},
		{"mapping: [{ target: title, source: name }, { target: title, constant: name}]",
			`mapping[1]: target "title" is mapped twice`},
		{"mapping: [" + strings.Repeat("{ target: title, source: name }, ", 51) + "]",
			"there are 51 mappings; at most 50 are allowed"},
		{"accounts: { policy: all }",
			`accounts.policy: "all" is not known; give one of none, link, link_or_create`},
		{"accounts: { match: [] }", "accounts.match: it is given but empty"},
		{"accounts: { match: [email, email] }", `"email" is given twice`},
		{"accounts: { match: [name] }", `"name" is not known; give one of email, phone`},
		{"accounts: { on_leave: }", "accounts.on_leave: it is given but empty"},
		{"scope: { details: true }\n---\nscope: { details: false }", "a second document begins"},
		{strings.Repeat("a", rules.MaxDocument+1), "at most 65536 are allowed"},
		{strings.Repeat("[", 40) + strings.Repeat("]", 40), "it is nested too deep"},
		{`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}", "it is nested too deep"},
	} {
		_, err := rules.Parse([]byte(c.document))
		var wrong *rules.Error
		require.ErrorAs(t, err, &wrong, "%q", c.document)
		require.ErrorContains(t, err, c.want, "%q", c.document)
		require.Regexp(t, `^第 \d+ 行第 \d+ 列：`, wrong.In(message.Chinese))
		require.NotContains(t, wrong.In(message.Chinese), "<no value>")
	}
}

func TestParseListsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := rules.Parse([]byte("scope:\n  details: 1\n  kinds:\n    groups: 2\n"))
	var wrong *rules.Error
	require.True(t, errors.As(err, &wrong))
	require.Equal(t, []rules.Problem{
		{Line: 2, Column: 12, Field: "scope.details", Text: message.Of("rule.unquoted_boolean", nil)},
		{Line: 4, Column: 13, Field: "scope.kinds.groups", Text: message.Of("rule.unquoted_boolean", nil)},
	}, wrong.Problems)
}

// What is accepted compiles, and whatever is refused is refused with a place.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	for _, seed := range []string{
		"", "{}", `{"scope":{"members":"active"}}`, "scope: {members: 'departments.exists(d, d.primary)'}",
		"a: &a [*a]", "<<: {a: b}",
		`{"mapping":[{"target":"title","source":"raw.a.b"}]}`, "\ufeffscope:\r\n  details: true", "--- !!set {a}",
		"%YAML 1.2\n---\n", "? x", "!!binary x",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		got, err := rules.Parse(document)
		if err == nil {
			program, err := rules.Compile(got)
			require.NoError(t, err)
			program.Evaluate(rules.Member{})
			return
		}
		var wrong *rules.Error
		require.ErrorAs(t, err, &wrong)
		require.NotEmpty(t, wrong.Problems)
		for _, problem := range wrong.Problems {
			require.Positive(t, problem.Line, "%+v", problem)
			require.Positive(t, problem.Column, "%+v", problem)
			require.NotEmpty(t, problem.Text)
		}
	})
}

// The same rules in JSON mean the same.
func TestJSONIsRead(t *testing.T) {
	t.Parallel()
	document, err := json.Marshal(map[string]any{
		"scope": map[string]any{
			"departments": map[string]any{"exclude": []string{"9"}}, "kinds": map[string]any{"groups": false},
		},
		"mapping": []any{map[string]any{"target": "title", "expression": `"<" + title + ">"`}},
	})
	require.NoError(t, err)
	got, err := rules.Parse(document)
	require.NoError(t, err, string(document))
	require.Equal(t, []string{"9"}, got.Scope.Exclude)
	require.False(t, got.Scope.Groups)
	require.True(t, got.Scope.Administrators)
	require.Equal(t, `"<" + title + ">"`, got.Mappings[0].Expression)
}
