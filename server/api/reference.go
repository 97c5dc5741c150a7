package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed reference.html
var referencePage string

var referenceTemplate = template.Must(template.New("reference").Parse(referencePage))

// section is the operations of one tag.
type section struct {
	Name       string
	Operations []*huma.Operation
}

// reference is the document for people: one page without scripts.
func reference(document *huma.OpenAPI) ([]byte, error) {
	byTag := map[string][]*huma.Operation{}
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		item := document.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				byTag[op.Tags[0]] = append(byTag[op.Tags[0]], op)
			}
		}
	}
	var sections []section
	for _, tag := range slices.Sorted(maps.Keys(byTag)) {
		sections = append(sections, section{tag, byTag[tag]})
	}
	types := map[string]string{}
	for name, schema := range document.Components.Schemas.Map() {
		text, err := json.MarshalIndent(schema, "", "  ")
		if err != nil {
			return nil, err
		}
		types[name] = string(text)
	}
	var page bytes.Buffer
	err := referenceTemplate.Execute(&page, struct {
		Info     *huma.Info
		Sections []section
		Types    map[string]string
	}{document.Info, sections, types})
	// Templates leave the lines of their loops empty.
	var lines []string
	for _, line := range strings.Split(page.String(), "\n") {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return []byte(strings.Join(lines, "\n")), err
}
