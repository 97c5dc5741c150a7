//go:build generated

package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

// schema is what the fuzzer reads of a JSON schema.
type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Enum       []any
	Format     string
	Properties map[string]schema
	Items      *schema
	Additional any `json:"additionalProperties"`
}

// described is what it reads of an operation.
type described struct {
	ID         string `json:"operationId"`
	Parameters []struct {
		Name, In string
		Schema   schema
	}
	RequestBody *struct {
		Content map[string]struct{ Schema schema }
	} `json:"requestBody"`
}

// fuzzer makes requests at random by the document.
type fuzzer struct {
	chance  *rand.Rand
	schemas map[string]schema
	// ids are those of objects that are there.
	ids []string
}

var oddTexts = []string{
	"", "x", "client", "\x00", "\xff", "' OR 1=1 --", "=1+1", "../../etc/passwd", "张三", "%", "\U0010FFFF", "-1", "0",
	"null", "***",
	"2026-01-01T00:00:00Z", "99999999999999999999", strings.Repeat("长", 300), "a\r\nX-Injected: 1",
}

var contentTypes = []string{"application/json", "application/json", "application/json", "text/plain"}

func pick[T any](f *fuzzer, from []T) T { return from[f.chance.IntN(len(from))] }

func (f *fuzzer) text(s schema) string {
	switch {
	case len(s.Enum) > 0 && f.chance.IntN(4) > 0:
		return fmt.Sprint(pick(f, s.Enum))
	case s.Format == "uuid" && f.chance.IntN(4) > 0:
		return pick(f, f.ids)
	}
	return pick(f, oddTexts)
}

// value is one that fits a schema, or nearly so.
func (f *fuzzer) value(s schema, depth int) any {
	if name, is := strings.CutPrefix(s.Ref, "#/components/schemas/"); is {
		s = f.schemas[name]
	}
	kind := fmt.Sprint(s.Type)
	switch {
	case f.chance.IntN(20) == 0 || depth > 5:
		return pick(f, []any{nil, true, -1, 1.5e300, "", []any{}, map[string]any{}})
	case strings.Contains(kind, "object"):
		object := map[string]any{}
		for name, property := range s.Properties {
			if f.chance.IntN(3) > 0 {
				object[name] = f.value(property, depth+1)
			}
		}
		if s.Additional != nil && f.chance.IntN(2) == 0 {
			object[pick(f, oddTexts)] = pick(f, oddTexts)
		}
		return object
	case strings.Contains(kind, "array"):
		return []any{f.value(*s.Items, depth+1)}
	case strings.Contains(kind, "integer"), strings.Contains(kind, "number"):
		return pick(f, []any{0, 1, 50, -1, 201, 1 << 40})
	case strings.Contains(kind, "boolean"):
		return f.chance.IntN(2) == 0
	}
	return f.text(s)
}

// request makes one of an operation.
func (f *fuzzer) request(t *testing.T, server, method, path string, op described) *http.Request {
	t.Helper()
	query, headers := url.Values{}, http.Header{}
	for _, p := range op.Parameters {
		switch {
		case p.In == "path":
			value := cmp.Or(f.text(p.Schema), "x") // without it, it is another path
			if p.Name == "name" && f.chance.IntN(2) == 0 {
				value = "client"
			}
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
		case f.chance.IntN(3) > 0:
		case p.In == "query":
			query.Set(p.Name, fmt.Sprint(f.value(p.Schema, 0)))
		case p.In == "header":
			headers.Set(p.Name, pick(f, []string{`"x"`, "*", `""`}))
		}
	}
	var body io.Reader
	if op.RequestBody != nil && f.chance.IntN(10) > 0 {
		text, err := json.Marshal(f.value(op.RequestBody.Content["application/json"].Schema, 0))
		if err != nil {
			t.Fatal(err)
		}
		if f.chance.IntN(10) == 0 {
			text = text[:len(text)/2]
		}
		body = strings.NewReader(string(text))
		headers.Set("Content-Type", pick(f, contentTypes))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, server+path+"?"+query.Encode(), body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range headers {
		r.Header[name] = values
	}
	r.Header.Set("Accept-Language", pick(f, []string{"zh", "en", "x"}))
	r.Header.Set("Authorization", "Bearer "+os.Getenv("ORGSYNC_TOKEN"))
	return r
}

// rounds is how many requests each operation gets.
const rounds = 60

// Whatever is sent, the answer is one that the document describes, and no 500.
func fuzz(t *testing.T, server string, ids []string) {
	text := read(t, server+"/api/openapi.json")
	var document struct {
		Paths      map[string]map[string]described
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	parsed, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	check, errs := validator.NewValidator(parsed)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	f := &fuzzer{chance: rand.New(rand.NewPCG(7, 7)), schemas: document.Components.Schemas, ids: ids}
	for _, path := range sorted(document.Paths) {
		for _, method := range sorted(document.Paths[path]) {
			op := document.Paths[path][method]
			if op.ID == "delete-provider" || op.ID == "follow-run" { // the one would end the test, the other goes on
				continue
			}
			for range rounds {
				r := f.request(t, server, strings.ToUpper(method), path, op)
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_, problems := check.ValidateHttpResponse(r, answer)
				_ = answer.Body.Close()
				if answer.StatusCode == http.StatusInternalServerError || len(problems) > 0 {
					t.Errorf("%s %s: %s: %v", r.Method, r.URL, answer.Status, problems)
				}
				if answer.Header.Get("X-Injected") != "" {
					t.Errorf("%s %s: a header was injected", r.Method, r.URL)
				}
			}
		}
	}
}

func read(t *testing.T, address string) []byte {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
