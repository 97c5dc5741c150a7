package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orgsync/orgsync/internal/message"
)

// Parse reads a document and checks all of it, expressions included. The error is an *Error
// and lists every problem.
func Parse(text []byte) (Rules, error) {
	if len(text) > MaxDocument {
		return Rules{}, &Error{Problems: []Problem{{Line: 1, Column: 1,
			Text: message.Of("rule.document_too_long", message.Args{"Bytes": len(text), "Most": MaxDocument})}}}
	}
	root, problem := read(text)
	if problem != nil {
		return Rules{}, &Error{Problems: []Problem{*problem}}
	}
	p := parser{}
	out := p.rules(root)
	if len(p.problems) > 0 {
		return Rules{}, &Error{Problems: p.problems}
	}
	return out, nil
}

// parser walks a document's tree and collects what is wrong with it.
type parser struct{ problems []Problem }

func (p *parser) wrong(node *yaml.Node, field string, code message.Code, args message.Args) {
	p.problems = append(p.problems,
		Problem{Line: max(1, node.Line), Column: max(1, node.Column), Field: field, Text: message.Of(code, args)})
}

func (p *parser) rules(root *yaml.Node) Rules {
	out := Default()
	p.object(root, "", keys{
		"scope":    func(n *yaml.Node, at string) { p.scope(n, at, &out.Scope) },
		"mapping":  func(n *yaml.Node, at string) { out.Mappings = p.mappings(n, at) },
		"accounts": func(n *yaml.Node, at string) { p.accounts(n, at, &out.Accounts) },
	})
	return out
}

func (p *parser) scope(node *yaml.Node, at string, out *Scope) {
	p.object(node, at, keys{
		"departments": func(n *yaml.Node, at string) { p.departments(n, at, out) },
		"members": func(n *yaml.Node, at string) {
			out.Members = p.text(n, at)
			p.compile(n, at, out.Members, boolean)
		},
		"kinds": func(n *yaml.Node, at string) {
			p.object(n, at, keys{
				"groups":         func(n *yaml.Node, at string) { out.Groups = p.boolean(n, at) },
				"administrators": func(n *yaml.Node, at string) { out.Administrators = p.boolean(n, at) },
			})
		},
		"details": func(n *yaml.Node, at string) { out.Details = p.boolean(n, at) },
	})
}

func (p *parser) departments(node *yaml.Node, at string, out *Scope) {
	p.object(node, at, keys{
		"include": func(n *yaml.Node, at string) { out.Include = p.texts(n, at) },
		"exclude": func(n *yaml.Node, at string) { out.Exclude = p.texts(n, at) },
	})
	for _, id := range out.Exclude {
		if slices.Contains(out.Include, id) {
			p.wrong(node, at, "rule.department_in_both", message.Args{"Value": id})
		}
	}
}

func (p *parser) accounts(node *yaml.Node, at string, out *Accounts) {
	p.object(node, at, keys{
		"policy": func(n *yaml.Node, at string) {
			out.Policy = Policy(p.oneOf(n, at, string(PolicyNone), string(PolicyLink), string(PolicyLinkOrCreate)))
		},
		"match": func(n *yaml.Node, at string) {
			out.Match = nil
			for _, key := range p.list(n, at) {
				if k := Key(p.oneOf(key, at, string(KeyEmail), string(KeyPhone))); !slices.Contains(out.Match, k) {
					out.Match = append(out.Match, k)
				} else if k != "" {
					p.wrong(key, at, "rule.value_twice", message.Args{"Value": string(k)})
				}
			}
		},
		"follow_contact": func(n *yaml.Node, at string) { out.FollowContact = p.boolean(n, at) },
		"on_leave": func(n *yaml.Node, at string) {
			out.OnLeave = Leave(p.oneOf(n, at, string(LeaveKeep), string(LeaveUnlink)))
		},
	})
}

func (p *parser) mappings(node *yaml.Node, at string) []Mapping {
	entries := p.list(node, at)
	if len(entries) > MaxMappings {
		p.wrong(node, at, "rule.too_many_mappings", message.Args{"Number": len(entries), "Most": MaxMappings})
		return nil
	}
	out := make([]Mapping, len(entries))
	for i, entry := range entries {
		at := fmt.Sprintf("%s[%d]", at, i)
		out[i] = p.mapping(entry, at)
		if out[i].Target != "" && slices.ContainsFunc(out[:i],
			func(m Mapping) bool { return m.Target == out[i].Target }) {
			p.wrong(entry, at, "rule.target_twice", message.Args{"Value": out[i].Target})
		}
	}
	return out
}

func (p *parser) mapping(node *yaml.Node, at string) (m Mapping) {
	before, given := len(p.problems), 0
	p.object(node, at, keys{
		"target": func(n *yaml.Node, at string) {
			if m.Target = p.text(n, at); m.Target != "" && !isTarget(m.Target) {
				p.wrong(n, at, "rule.target_unknown", message.Args{"Value": m.Target})
			}
		},
		"source": func(n *yaml.Node, at string) {
			given++
			if m.Source = p.text(n, at); m.Source != "" && !path.MatchString(m.Source) {
				p.wrong(n, at, "rule.source_wrong", message.Args{"Value": m.Source})
				return
			}
			p.compile(n, at, m.code(), text)
		},
		"constant": func(n *yaml.Node, at string) { given++; m.Constant = p.text(n, at) },
		"expression": func(n *yaml.Node, at string) {
			given++
			m.Expression = p.text(n, at)
			p.compile(n, at, m.Expression, text)
		},
		"default": func(n *yaml.Node, at string) {
			value := p.text(n, at)
			m.Default = &value
		},
		"when": func(n *yaml.Node, at string) { m.OnCreate = p.oneOf(n, at, "always", "create") == "create" },
	})
	switch {
	case len(p.problems) > before:
	case m.Target == "":
		p.wrong(node, at, "rule.target_missing", nil)
	case given != 1:
		p.wrong(node, at, "rule.sources_wrong", message.Args{"Number": given})
	case m.Default != nil && m.Source+m.Expression == "":
		p.wrong(node, at, "rule.default_of_constant", nil)
	}
	return m
}

var (
	attributeKey = regexp.MustCompile(`^attributes\.[a-z][a-z0-9_]{0,62}$`)
	path         = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)
)

// isTarget reports whether a field can be mapped. The company's own fields are an object of
// the provider's, which nothing else may take the place of.
func isTarget(field string) bool {
	return slices.Contains([]string{"name", "email", "phone", "title"}, field) ||
		attributeKey.MatchString(field) && field != "attributes.custom"
}

// compile notes what keeps an expression from being compiled.
func (p *parser) compile(node *yaml.Node, at, expression string, want result) {
	if expression == "" {
		return // which is a problem already
	}
	if _, err := compile(expression, want); err != nil {
		p.wrong(node, at, err.Code, err.Args)
	}
}

// keys are the fields that an object may have, with what reads each.
type keys map[string]func(node *yaml.Node, at string)

// object reads an object's fields.
func (p *parser) object(node *yaml.Node, at string, known keys) {
	if !p.is(node, at, yaml.MappingNode, message.Of("rule.an_object", message.Args{"Example": sorted(known)[0]})) {
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		field := join(at, key.Value)
		read, ok := known[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !ok:
			p.wrong(key, at, "rule.field_unknown", message.Args{"Field": scalar(key), "Known": names(known)})
		case seen[key.Value]:
			p.wrong(key, field, "rule.field_twice", nil)
		default:
			seen[key.Value] = true
			read(value, field)
		}
	}
}

func scalar(key *yaml.Node) string {
	if key.Kind != yaml.ScalarNode {
		return ""
	}
	return key.Value
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

func names(known keys) string { return strings.Join(sorted(known), ", ") }

func sorted(known keys) []string {
	out := make([]string, 0, len(known))
	for key := range known {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// is reports whether a node is of that kind and not empty.
func (p *parser) is(node *yaml.Node, at string, kind yaml.Kind, want message.Text) bool {
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		p.wrong(node, at, "rule.alias", nil)
	case node.Kind == yaml.ScalarNode && node.Tag == tagNull,
		node.Kind == kind && kind != yaml.ScalarNode && len(node.Content) == 0:
		p.wrong(node, at, "rule.empty", message.Args{"Want": want})
	case node.Kind != kind:
		p.wrong(node, at, "rule.must_be", message.Args{"Want": want})
	default:
		return true
	}
	return false
}

// text reads a text, empty if it is none.
func (p *parser) text(node *yaml.Node, at string) string {
	switch {
	case !p.is(node, at, yaml.ScalarNode, message.Of("rule.a_text", nil)):
	case node.Tag != tagText:
		p.wrong(node, at, "rule.quote", message.Args{"Value": node.Value})
	case strings.TrimSpace(node.Value) == "":
		p.wrong(node, at, "rule.empty", message.Args{"Want": message.Of("rule.a_text", nil)})
	case strings.ContainsRune(node.Value, 0):
		p.wrong(node, at, "rule.nul", nil)
	default:
		return node.Value
	}
	return ""
}

// boolean reads true or false.
func (p *parser) boolean(node *yaml.Node, at string) bool {
	if p.is(node, at, yaml.ScalarNode, message.Of("rule.true_or_false", nil)) {
		if node.Tag == tagBool && (node.Value == "true" || node.Value == "false") {
			return node.Value == "true"
		}
		p.wrong(node, at, "rule.unquoted_boolean", nil)
	}
	return false
}

// list reads a list's entries.
func (p *parser) list(node *yaml.Node, at string) []*yaml.Node {
	if !p.is(node, at, yaml.SequenceNode, message.Of("rule.a_list", nil)) {
		return nil
	}
	return node.Content
}

// texts reads a list of different texts.
func (p *parser) texts(node *yaml.Node, at string) []string {
	var out []string
	for _, entry := range p.list(node, at) {
		value := p.text(entry, at)
		switch {
		case value == "":
		case value != strings.TrimSpace(value):
			p.wrong(entry, at, "rule.blank_around", message.Args{"Value": value})
		case slices.Contains(out, value):
			p.wrong(entry, at, "rule.value_twice", message.Args{"Value": value})
		default:
			out = append(out, value)
		}
	}
	return out
}

// oneOf reads one of a few words, empty if it is none.
func (p *parser) oneOf(node *yaml.Node, at string, allowed ...string) string {
	value := p.text(node, at)
	if value != "" && !slices.Contains(allowed, value) {
		p.wrong(node, at, "rule.word_unknown", message.Args{"Value": value, "Allowed": strings.Join(allowed, ", ")})
		return ""
	}
	return value
}
