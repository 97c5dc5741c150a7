package rules_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/rules"
)

func ptr[T any](v T) *T { return &v }

// ada is a member of whom the provider sent all that the tests refer to.
func ada() rules.Member {
	return rules.Member{
		Member: directory.Member{
			ExternalID: "u-7", UnionID: "un-7",
			Profile: directory.Profile{
				Name: ptr("单雄信"), Email: ptr("ada@acme.com"), Phone: ptr("+8613800000000"), Title: ptr("Engineer"),
				EmployeeNo: ptr("E7"), Status: ptr(directory.Active), Activated: ptr(false), Manager: ptr("u-1"),
				Attributes: directory.Attributes{
					directory.City: "Shanghai", directory.Country: nil,
					directory.Custom: map[string]any{"C-6704": "R&D",
						"level": json.RawMessage(`{"n":9007199254740993}`)},
				},
			},
			Raw: json.RawMessage(
				`{"job_number":" e7 ","big":9007199254740993,"half":1.5,"tags":["a","b"],"none":null}`),
		},
		Departments: []rules.Department{
			{ID: "od-1", Name: "R&D", Path: "Acme/R&D", Primary: true},
			{ID: "od-9", Name: "外包", Path: "Acme/外包", Leader: true},
		},
	}
}

func evaluate(t *testing.T, document string, m rules.Member) rules.Outcome {
	t.Helper()
	parsed, err := rules.Parse([]byte(document))
	require.NoError(t, err)
	program, err := rules.Compile(parsed)
	require.NoError(t, err)
	return program.Evaluate(m)
}

func TestScopeIsDecided(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]bool{
		`email.endsWith("@acme.com")`:                                  true,
		`active && !activated && status == "active"`:                   true,
		`!title.contains("实习")`:                                        true,
		`departments.exists(d, !d.path.startsWith("Acme/外包"))`:         true,
		`departments.all(d, d.path.startsWith("Acme/外包"))`:             false,
		`departments.exists(d, d.primary && d.id == "od-1")`:           true,
		`departments.exists_one(d, d.leader)`:                          true,
		`attributes.city == "Shanghai" && attributes.country == ""`:    true,
		`"C-6704" in attributes.custom`:                                true,
		`has(attributes.custom.level)`:                                 true,
		`attributes.custom.level.n == 9007199254740993`:                true,
		`raw.big == 9007199254740993 && raw.half == 1.5`:               true,
		`raw_data.tags.exists(t, t == "b")`:                            true,
		`id == external_id && unionid == "un-7" && open_id == ""`:      true,
		`pinyin(name) == name_translit_full && pinyin("单") == "shan"`:  true,
		`e164("138 0000 0000") == phone`:                               true,
		`manager_external_id == "u-1" && name_translit_initial == "x"`: false,
		`email.matches("^[a-z]+@acme\\.com$")`:                         true,
	} {
		got := evaluate(t, "scope:\n  members: |-\n    "+expression, ada())
		require.Nil(t, got.ScopeError, expression)
		require.Equal(t, want, got.InScope, expression)
	}
}

func TestFieldsAreMapped(t *testing.T) {
	t.Parallel()
	for mapping, want := range map[string]string{
		`expression: 'attributes.custom["C-6704"]'`:                         "R&D",
		`expression: 'attributes.custom["other"]', default: none`:           "none",
		`expression: 'attributes.custom[?"other"].orValue("none")'`:         "none",
		`expression: 'attributes.custom[?"other"]'`:                         "",
		`expression: 'title + " (" + employee_no + ")"'`:                    "Engineer (E7)",
		`expression: 'raw.job_number.trim().upperAscii()'`:                  "E7",
		`expression: 'has(raw.extension) ? raw.extension.cost : "none"'`:    "none",
		`expression: raw.big`:                                               "9007199254740993",
		`expression: raw.none, default: "-"`:                                "-",
		`expression: attributes.country, default: "-"`:                      "-",
		`expression: 'departments.map(d, d.name).join(", ")'`:               "R&D, 外包",
		`expression: 'email.split("@")[0]'`:                                 "ada",
		`source: raw.job_number`:                                            " e7 ",
		`source: raw.extension.cost`:                                        "",
		`source: raw.none.cost`:                                             "",
		`source: raw.extension.cost, default: none`:                         "none",
		`source: attributes.city`:                                           "Shanghai",
		`source: attributes.custom.other, default: none`:                    "none",
		`source: employee_no`:                                               "E7",
		`constant: acme`:                                                    "acme",
		`expression: 'phone.startsWith("+86") ? "mainland" : "elsewhere"'`:  "mainland",
		`expression: 'string(size(departments)) + "/" + string(activated)'`: "2/false",
	} {
		got := evaluate(t, "mapping: [{ target: title, "+mapping+" }]", ada())
		require.Len(t, got.Fields, 1)
		require.Nil(t, got.Fields[0].Err, mapping)
		require.Equal(t, want, got.Fields[0].Value, mapping)
	}
}

// An expression that fails on a member says why without any of the member's data.
func TestFailuresQuoteNoData(t *testing.T) {
	t.Parallel()
	poor := rules.Member{Member: directory.Member{ExternalID: "u-8"}}
	poor.Attributes = directory.Attributes{}
	for expression, want := range map[string]string{
		`title`:                        "the provider did not send title",
		`departments[0].name`:          "the provider did not send departments",
		`attributes.custom["C-6704"]`:  "the provider did not send attributes.custom",
		`raw.x`:                        "the provider did not send raw",
		`string(active)`:               "the provider did not send active",
		`string(unionid.charAt(99))`:   "a value is not what the expression needs",
		`string(int("private " + id))`: "a value cannot be converted as the expression wants",
		`string(1 / size(unionid))`:    "it divides by zero",
	} {
		got := evaluate(t, "mapping:\n  - target: title\n    default: none\n    expression: |-\n      "+expression,
			poor)
		require.NotNil(t, got.Fields[0].Err, expression)
		require.Equal(t, want, got.Fields[0].Err.Reason, expression)
		require.NotContains(t, got.Fields[0].Err.Error(), "private")
	}
	got := evaluate(t, `{"scope":{"members":"raw.tags"},"mapping":[{"target":"title","expression":"raw.tags"}]}`, ada())
	require.Equal(t, "its value is list, not true or false", got.ScopeError.Reason)
	require.Equal(t, "its value is list, not a text", got.Fields[0].Err.Reason)
	got = evaluate(t, `{"mapping":[{"target":"title","expression":"attributes.custom['other']"}]}`, ada())
	require.Equal(t, "a field that it refers to is missing", got.Fields[0].Err.Reason,
		"without a default it is a failure")
}

// A text that grows with every call ends an expression before it takes much memory or time.
func TestEvaluationIsBounded(t *testing.T) {
	t.Parallel()
	bomb := `"aaaaaaaaaa"` + strings.Repeat(`.replace("a", "aaaaaaaaaaaaaaaaaaaa")`, 12)
	got := evaluate(t, `mapping: [{ target: title, expression: '`+bomb+`' }]`, ada())
	require.Equal(t, "it takes too long on this member", got.Fields[0].Err.Reason)

	list := "[" + strings.TrimSuffix(strings.Repeat("1,", 60), ",") + "]"
	slow := list + ".all(a, " + list + ".all(b, " + list + ".all(c, a == b && b == c)))"
	got = evaluate(t, `scope: { members: '`+slow+`' }`, ada())
	require.Equal(t, "it takes too long on this member", got.ScopeError.Reason)
}

func TestInputsAreThoseThatExpressionsNeed(t *testing.T) {
	t.Parallel()
	parsed, err := rules.Parse([]byte(`{
		"scope": {"members": "title != '' || avatar_url != ''"},
		"mapping": [{"target": "title", "source": "attributes.city"}]
	}`))
	require.NoError(t, err)
	program, err := rules.Compile(parsed)
	require.NoError(t, err)
	require.True(t, program.Uses("title"))
	require.False(t, program.Uses("raw"))
	got := program.Inputs(ada())
	require.Equal(t, []rules.Input{
		{Name: "attributes", Value: map[string]any{
			"city": "Shanghai", "country": "",
			"custom": map[string]any{"C-6704": "R&D", "level": map[string]any{"n": int64(9007199254740993)}},
		}},
		{Name: "avatar_url"},
		{Name: "title", Value: "Engineer"},
	}, got)
}

func BenchmarkEvaluate(b *testing.B) {
	parsed, err := rules.Parse([]byte(`scope:
  members: active && email.endsWith("@acme.com") && !(id in ["od-9", "od-10", "od-11"])
mapping:
  - { target: attributes.cost_center, expression: 'attributes.custom["C-6704"]', default: none }
  - { target: title, expression: 'title + (employee_no != "" ? " (" + employee_no + ")" : "")' }
`))
	require.NoError(b, err)
	program, err := rules.Compile(parsed)
	require.NoError(b, err)
	m := ada()
	for b.Loop() {
		program.Evaluate(m)
	}
}
