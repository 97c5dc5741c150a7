package console_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/require"
)

// named are the texts that pages name whole; built is a part of a name to which a word of the
// programs is added.
var (
	named = regexp.MustCompile(`(?:\bT|\blines)\("([a-z_.]+[a-z])"|"((?:nav|run|time)\.[a-z_]+)"`)
	built = regexp.MustCompile(`\bT\("([a-z_.]+[._])"|\bword\("([a-z_]+)"|lines\("(setup\.where_)`)
)

func TestPagesNameTextsThatExistAndNoTextIsLeftOver(t *testing.T) {
	t.Parallel()
	exist := map[string]bool{}
	var document map[string]any
	_, err := toml.DecodeFile(filepath.Join("..", "..", "internal", "message", "console.en.toml"), &document)
	require.NoError(t, err)
	collect("", document["console"].(map[string]any), exist)
	used, families := map[string]bool{"lang": true}, []string{"problem.", "kind.", "step.", "field."}
	for _, pattern := range []string{"*.templ", "*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_templ.go") || strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, found := range named.FindAllStringSubmatch(string(source), -1) {
				key := found[1] + found[2]
				require.True(t, exist[key], "%s names %s, which has no text", file, key)
				used[key] = true
			}
			for _, found := range built.FindAllStringSubmatch(string(source), -1) {
				family := found[1] + found[3]
				if found[2] != "" {
					family = found[2] + "."
				}
				families = append(families, family)
			}
		}
	}
	require.Greater(t, len(used), 150)
	for key := range exist {
		part := false
		for _, family := range families {
			part = part || strings.HasPrefix(key, family)
		}
		require.True(t, used[key] || part, "no page uses the text %s", key)
	}
}

// collect notes the names of texts below a part of the catalogue.
func collect(prefix string, part map[string]any, into map[string]bool) {
	for name, value := range part {
		below, table := value.(map[string]any)
		if _, counted := below["other"].(string); table && !counted {
			collect(prefix+name+".", below, into)
		} else {
			into[prefix+name] = true
		}
	}
}
