package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orgsync/orgsync/internal/document"
	"github.com/orgsync/orgsync/internal/message"
)

// maxDepth is how deep a document may be nested; the deepest field is at 4.
const maxDepth = 16

// errDepth says that a document is nested deeper than any that could be right.
var errDepth = errors.New("it is nested too deep")

// read makes a tree of a document, whose nodes know their places.
func read(text []byte) (*yaml.Node, *Problem) {
	clean, err := document.Text(text)
	if err != nil {
		return nil, unreadable(err)
	}
	if first := bytes.TrimLeft(clean, " \t\r\n"); len(first) > 0 && first[0] == '{' && json.Valid(clean) {
		return readJSON(clean)
	}
	return readYAML(clean)
}

// yamlLine finds the line in the parser's errors, which have no field for it.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func readYAML(text []byte) (*yaml.Node, *Problem) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var root, second yaml.Node
	if err := decoder.Decode(&root); err != nil {
		if strings.TrimSpace(string(text)) == "" || err.Error() == "EOF" {
			return nil, emptyDocument(1)
		}
		at, said := 1, err.Error()
		if parts := yamlLine.FindStringSubmatch(said); parts != nil {
			at, said = max(1, atoi(parts[1])), parts[2]
		}
		return nil, &Problem{Line: at, Column: 1, Text: message.Of("rule.neither", message.Args{"Said": said})}
	}
	if decoder.Decode(&second) == nil {
		return nil, &Problem{Line: max(1, second.Line), Column: 1,
			Text: message.Of("rule.second_document", nil)}
	}
	if len(root.Content) == 0 {
		return nil, emptyDocument(1)
	}
	if deeper(root.Content[0], maxDepth) {
		return nil, unreadable(errDepth)
	}
	return root.Content[0], nil
}

func unreadable(err error) *Problem {
	return &Problem{Line: 1, Column: 1, Text: message.Of("rule.unreadable", message.Args{"Said": err.Error()})}
}

func emptyDocument(line int) *Problem {
	return &Problem{Line: line, Column: 1,
		Text: message.Of("rule.document_empty", nil)}
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// deeper reports whether a node is nested deeper than that. Aliases are not followed.
func deeper(node *yaml.Node, depth int) bool {
	if depth == 0 {
		return true
	}
	for _, below := range node.Content {
		if deeper(below, depth-1) {
			return true
		}
	}
	return false
}

// readJSON makes the same tree of JSON, which YAML reads otherwise in places (escapes, tabs).
func readJSON(text []byte) (*yaml.Node, *Problem) {
	r := jsonReader{text: text, decoder: json.NewDecoder(bytes.NewReader(text))}
	r.decoder.UseNumber()
	node, err := r.value(maxDepth)
	if err != nil {
		return nil, unreadable(err)
	}
	return node, nil
}

type jsonReader struct {
	text    []byte
	decoder *json.Decoder
}

// value reads the next value of a text that is known to be JSON.
func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	if depth == 0 {
		return nil, errDepth
	}
	node := r.place()
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		node.Kind = yaml.MappingNode
		if t == '[' {
			node.Kind = yaml.SequenceNode
		}
		for r.decoder.More() {
			below, err := r.value(depth - 1)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, below)
		}
		_, err = r.decoder.Token()
		return node, err
	case string:
		node.Tag, node.Value = tagText, t
	case json.Number:
		node.Tag, node.Value = tagInt, t.String()
	case bool:
		node.Tag, node.Value = tagBool, strconv.FormatBool(t)
	default:
		node.Tag, node.Value = tagNull, "null"
	}
	return node, nil
}

// place begins a node where the next token stands.
func (r *jsonReader) place() *yaml.Node {
	offset := int(r.decoder.InputOffset())
	for offset < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[offset]) >= 0 {
		offset++
	}
	before := r.text[:offset]
	return &yaml.Node{
		Kind: yaml.ScalarNode, Line: bytes.Count(before, []byte("\n")) + 1,
		Column: offset - bytes.LastIndexByte(before, '\n'),
	}
}

// Tags of scalars.
const (
	tagText = "!!str"
	tagInt  = "!!int"
	tagBool = "!!bool"
	tagNull = "!!null"
)
