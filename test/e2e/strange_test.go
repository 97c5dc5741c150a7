package e2e

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// Whatever a mapping comes to is data: nothing of it is taken for SQL or a template, and what
// Postgres cannot store is left out.
func TestStrangeValuesOfMappings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.simulate(directory.WeCom, simulator.Generate(simulator.TypicalSpec(91, 20)))
	w.succeed(s)
	people := len(w.members(s.name))
	const sql, template = `'; DROP TABLE org_members; --`, `%s $1 {{.Name}} \\ "quoted" 😀`
	document, err := json.Marshal(map[string]any{"mapping": []any{
		map[string]any{"target": "title", "constant": sql},
		map[string]any{"target": "attributes.template", "constant": template},
		map[string]any{"target": "attributes.null", "expression": `"\x00" + id + "\x00"`},
		map[string]any{"target": "attributes.empty", "expression": `""`},
	}})
	require.NoError(t, err)
	w.rules(s, string(document), false)
	result := w.sync(s.name)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	require.Equal(t, people, w.count(`SELECT count(*) FROM org_members
		WHERE title = $$'; DROP TABLE org_members; --$$ AND attributes ->> 'null' = external_id
		AND attributes ->> 'template' LIKE '\%s $1 {{.Name}}%😀' AND NOT attributes ? 'empty'`))
	written := w.writes()
	require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
	require.Equal(t, written, w.writes(), "unchanged means untouched")
}
