package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assets are the addresses of the files that pages load. They hold a hash of the content, so
// that a browser may keep them.
var assets = addressed("console.css", "console.js", "htmx-4.0.1.min.js", "icon.svg")

type asset struct {
	address string
	content []byte
}

func addressed(names ...string) map[string]asset {
	found := map[string]asset{}
	for _, name := range names {
		content, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic(err) // compiled in
		}
		sum := sha256.Sum256(content)
		ending := path.Ext(name)
		address := "/assets/" + strings.TrimSuffix(name, ending) + "." + hex.EncodeToString(sum[:6]) + ending
		found[name] = asset{address: address, content: content}
	}
	return found
}

func (c *Console) registerAssets(mux *http.ServeMux) {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".svg": "image/svg+xml"}
	for name, one := range assets {
		mux.HandleFunc("GET "+one.address, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kinds[path.Ext(name)])
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			_, _ = w.Write(one.content)
		})
	}
}
