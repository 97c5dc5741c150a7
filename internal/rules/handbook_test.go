package rules_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/rules"
)

var recipe = regexp.MustCompile("(?ms)^([^\n]+):\n\n```yaml\n(.*?)^```")

// recipes are the handbook's rules by example, by what each is for.
func recipes(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n### Rules by example\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	out := map[string]string{}
	for _, match := range recipe.FindAllStringSubmatch(section, -1) {
		out[match[1]] = match[2]
	}
	require.Len(t, out, strings.Count(section, "```yaml"))
	return out
}

// Every recipe of the handbook does what it says.
func TestRecipes(t *testing.T) {
	t.Parallel()
	with := func(change func(m *rules.Member)) rules.Member {
		m := ada()
		change(&m)
		return m
	}
	inScope := func(want bool, m rules.Member) func(*testing.T, string) {
		return func(t *testing.T, document string) {
			got := evaluate(t, document, m)
			require.Nil(t, got.ScopeError)
			require.Equal(t, want, got.InScope)
		}
	}
	mapped := func(want string, m rules.Member) func(*testing.T, string) {
		return func(t *testing.T, document string) {
			got := evaluate(t, document, m)
			require.Nil(t, got.Fields[0].Err)
			require.Equal(t, want, got.Fields[0].Value)
		}
	}
	says := func(check func(*testing.T, rules.Rules)) func(*testing.T, string) {
		return func(t *testing.T, document string) {
			parsed, err := rules.Parse([]byte(document))
			require.NoError(t, err)
			check(t, parsed)
		}
	}
	outsourced := with(func(m *rules.Member) { m.Departments = m.Departments[1:] })
	bare := with(func(m *rules.Member) {
		m.Raw, m.Email, m.EmployeeNo = json.RawMessage(`{}`), ptr(""), ptr("")
		m.Attributes["custom"] = nil
	})
	checks := map[string][]func(*testing.T, string){
		"Leave two departments out, with everything below them": {says(func(t *testing.T, r rules.Rules) {
			require.Equal(t, []string{"od-77", "od-78"}, r.Scope.Exclude)
		})},
		"Take one part of the company only": {says(func(t *testing.T, r rules.Rules) {
			require.Equal(t, []string{"od-1"}, r.Scope.Include)
		})},
		"Look up what DingTalk's lists leave out, managers and the order of departments": {
			says(func(t *testing.T, r rules.Rules) { require.True(t, r.Scope.Details) }),
		},
		"Read neither groups nor administrators": {says(func(t *testing.T, r rules.Rules) {
			require.False(t, r.Scope.Groups || r.Scope.Administrators)
		})},
		"Take only people with an address of the company": {inScope(true, ada()), inScope(false, bare)},
		"Leave interns out, by their title": {
			inScope(true, ada()), inScope(false, with(func(m *rules.Member) { m.Title = ptr("实习生") })),
		},
		"Leave out who works in the outsourcing departments only": {inScope(true, ada()), inScope(false, outsourced)},
		"Put the job number of DingTalk's record among the attributes, trimmed and in capitals": {
			mapped("E7", ada()), mapped("none", bare)},
		"Give everybody a cost centre from a field of the company's own": {mapped("R&D", ada()), mapped("none", bare)},
		"Write the employee number behind the title": {
			mapped("Engineer (E7)", ada()), mapped("Engineer", bare),
		},
		"Make an address of the name where there is none": {
			mapped("ada@acme.com", ada()), mapped("shanxiongxin@acme.com", bare)},
		"Mark people with what they came with, once, when they join": {
			mapped("Engineer", ada()),
			says(func(t *testing.T, r rules.Rules) { require.True(t, r.Mappings[0].OnCreate) }),
		},
	}
	all := recipes(t)
	require.Len(t, all, len(checks))
	for title, document := range all {
		require.NotEmpty(t, checks[title], title)
		for _, check := range checks[title] {
			t.Run(title, func(t *testing.T) { check(t, document) })
		}
	}
}
