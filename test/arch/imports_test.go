package arch_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/orgsync/orgsync/"

// Parts of the outside world that most packages have no business with.
const (
	temporal = "go.temporal.io"
	postgres = "github.com/jackc/pgx"
	network  = "net/http"
)

// rule says what the files of a package that are not tests may import directly.
type rule struct {
	pkg   string   // import path within the module; "/..." at the end takes in everything below
	ours  []string // packages of the module allowed, in the same notation
	never []string // outside packages refused, with everything below them
}

// rules has the first match for a package count. Packages that no production file may import (dbtest, the kit and their
// like) are simply in no production package's list.
var rules = []rule{
	{"internal/directory", nil, []string{temporal, postgres, network}},
	{"internal/translit", nil, []string{temporal, postgres, network}},
	{"internal/normalize", []string{"internal/directory"}, []string{temporal, postgres, network}},
	{"internal/message", []string{"internal/directory"}, []string{temporal, postgres, network}},
	{"internal/document", nil, []string{temporal, postgres, network}},
	{"internal/secret", []string{"internal/document"}, []string{temporal, postgres, network}},
	{"internal/config", []string{"internal/document", "internal/message", "internal/notify"},
		[]string{temporal, postgres, network}},
	{"internal/rules", []string{"internal/directory", "internal/document", "internal/message", "internal/normalize",
		"internal/translit"},
		[]string{temporal, postgres, network}},
	{"internal/provider", []string{"internal/directory", "internal/message"}, []string{temporal, postgres}},
	{"internal/provider/wire", []string{"internal/directory", "internal/normalize"},
		[]string{temporal, postgres, network}},
	{"internal/provider/...", []string{"internal/directory", "internal/message", "internal/normalize",
		"internal/provider", "internal/provider/wire"}, []string{temporal, postgres}},
	// The simulator shares no code with the clients, so that one mistake does not cancel another.
	{"devkit/simulator/...", []string{"internal/directory", "devkit/simulator/..."}, []string{temporal, postgres}},

	{"devkit/oracle", []string{"internal/directory", "internal/normalize", "devkit/simulator"},
		[]string{temporal, network}},

	{"internal/access", nil, []string{temporal, postgres, network}},
	{"db/internal/dbsqlc", nil, []string{temporal, network}},
	{"db/internal/pg", nil, []string{temporal, network}},
	{"db/audit", []string{"db/internal/..."}, []string{temporal, network}},
	{"db/pages", []string{"db/internal/..."}, []string{temporal, network}},
	{"db/feed", []string{"db/internal/..."}, []string{temporal, network}},
	{"db/webhooks", []string{"db/audit", "db/feed", "db/internal/..."}, []string{temporal, network}},
	{"db/tokens", []string{"db/audit", "db/internal/..."}, []string{temporal, network}},
	{"db/signin", []string{"db/audit", "db/internal/..."}, []string{temporal, network}},
	{"db/logins", []string{"db/audit", "db/internal/...", "internal/directory"}, []string{temporal, network}},
	{"db/providers", []string{"db/audit", "db/feed", "db/internal/...", "internal/directory"},
		[]string{temporal, network}},
	{"db/report", []string{"db/internal/...", "internal/directory"}, []string{temporal, network}},
	{"deploy", nil, []string{temporal, postgres, network}},
	{"db/dbtest", []string{"db", "deploy", "devkit/stack/localpg"}, []string{temporal, network}},
	{"db", []string{"db/audit", "db/feed", "db/internal/...", "db/logins", "db/pages", "db/providers", "db/report",
		"db/signin",
		"db/tokens", "db/webhooks", "internal/directory"}, []string{temporal, network}},
	{"internal/health", nil, []string{temporal, postgres}},
	{"internal/traces", nil, []string{postgres}},
	{"internal/metrics", []string{"db/report", "internal/directory"}, []string{postgres}},
	{"internal/clients", []string{"db/logins", "db/providers", "internal/directory", "internal/document",
		"internal/message", "internal/metrics", "internal/provider", "internal/provider/wire", "internal/secret"},
		[]string{temporal, postgres}},
	{"internal/notify", []string{"internal/directory", "internal/message"}, []string{temporal, postgres}},
	{"internal/webhook", nil, []string{temporal, postgres}},
	{"activities", []string{"db", "db/audit", "db/feed", "db/providers", "db/report", "db/webhooks",
		"internal/clients", "internal/directory", "internal/message", "internal/metrics", "internal/normalize",
		"internal/notify", "internal/provider",
		"internal/rules", "internal/secret", "internal/translit", "internal/webhook"}, []string{network}},
	// Workflow code must be deterministic: no clock, chance, environment or network of its own.
	{"workflows", []string{"activities", "internal/directory", "internal/document", "internal/message"},
		[]string{postgres, network, "os", "math/rand", "crypto/rand", "log"}},
	{"internal/replay", []string{"workflows"}, []string{postgres, network}},
	// The use cases, for every edge: they call Temporal and the database, and nothing else does on an edge's behalf.
	{"internal/service", []string{"db", "db/audit", "db/feed", "db/logins", "db/pages", "db/providers", "db/report",
		"db/signin",
		"db/tokens", "db/webhooks", "internal/access", "internal/clients", "internal/directory", "internal/message",
		"internal/normalize",
		"internal/provider", "internal/replay", "internal/rules", "internal/secret", "internal/webhook", "workflows"},
		[]string{postgres, network, "os", "io", "log"}},
	{"internal/app", []string{"activities", "db", "db/providers", "internal/config", "internal/clients",
		"internal/directory",
		"internal/health", "internal/message", "internal/metrics", "internal/notify", "internal/provider/...",
		"internal/secret", "internal/service", "internal/traces", "internal/webhook",
		"workflows"}, nil},
	// Mains open what they were configured with and hand it to internal/app; they do not import each other.
	{"worker", []string{"db", "internal/app", "internal/config", "internal/health", "internal/secret", "workflows"},
		nil},
	// The server routes, decodes and encodes: it reaches Temporal and the database by the use cases alone.
	{"server/remote", nil, []string{temporal, postgres}},
	{"server/api", []string{"internal/access", "internal/config", "internal/directory", "internal/message",
		"internal/service", "server/remote"}, []string{temporal, postgres}},
	{"server/console/session", []string{"internal/access", "internal/service", "server/remote"},
		[]string{temporal, postgres}},
	{"server/console", []string{"internal/access", "internal/directory", "internal/message", "internal/provider",
		"internal/service", "server/api", "server/console/session"}, []string{temporal, postgres}},
	{"server/login", []string{"internal/access", "internal/directory", "internal/message", "internal/service",
		"server/console/session", "server/remote"}, []string{temporal, postgres}},
	{"server/inbound", []string{"internal/message", "internal/provider", "internal/service"}, []string{temporal,
		postgres}},
	{"server/web", []string{"server/api", "server/remote"}, []string{temporal, postgres}},
	{"server", []string{"internal/app", "internal/config", "internal/health", "internal/metrics", "internal/provider",
		"internal/secret",
		"internal/service", "internal/traces",
		"server/..."}, []string{temporal, postgres}},
	// The command line parses, asks and prints: it reaches Temporal and the database by the use cases alone.
	{"starter/...", []string{"starter/...", "internal/access", "internal/app", "internal/config", "internal/directory",
		"internal/document", "internal/message", "internal/replay",
		"internal/rules", "internal/secret", "internal/service"}, []string{temporal, postgres, network}},

	{"devkit/cli", nil, []string{temporal, postgres, network}},
	{"devkit/stack/process", nil, []string{temporal, postgres, network}},
	{"devkit/stack/localpg", []string{"devkit/stack/process"}, []string{temporal, postgres, network}},
	{"devkit/stack/stacktest", []string{"devkit/stack", "devkit/stack/process"}, []string{temporal, postgres, network}},
	{"devkit/stack", []string{"devkit/stack/localpg", "devkit/stack/process"}, []string{postgres}},
	{"devkit/loadtest", []string{"devkit/stack"}, nil},
	{"devkit/cmd/dev", []string{"devkit/cli", "devkit/stack", "devkit/stack/localpg", "devkit/stack/process"},
		[]string{temporal, postgres}},
	{"devkit/cmd/simulator", []string{"internal/directory", "devkit/simulator/..."}, []string{temporal, postgres}},
	{"devkit/cmd/bench", []string{"db", "devkit/cli", "devkit/loadtest", "devkit/stack"}, nil},
	{"devkit/cmd/soak", []string{"devkit/cli", "devkit/loadtest", "devkit/oracle", "devkit/simulator", "devkit/stack",
		"internal/directory"}, nil},
	{"docs/consumers/...", nil, []string{temporal, postgres}},
	{"test/arch", nil, nil},
	{"test/e2e", nil, nil}, // tests only
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestEveryPackageKeepsToItsImports(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "./...")
	list.Dir = filepath.Join("..", "..")
	out, err := list.Output()
	require.NoError(t, err)
	packages := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; packages++ {
		var pkg listed
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		for _, problem := range check(pkg) {
			t.Error(problem)
		}
	}
	require.Greater(t, packages, 5, "go list found nothing to check")
}

// check returns a line for each import that is not allowed.
func check(pkg listed) (problems []string) {
	path := strings.TrimPrefix(pkg.ImportPath, module)
	found, ok := find(path)
	if !ok {
		return []string{path + " has no rule: say in test/arch what it may import"}
	}
	for _, imported := range pkg.Imports {
		own, isOurs := strings.CutPrefix(imported, module)
		if isOurs && !anyMatches(found.ours, own) {
			problems = append(problems, path+" may not import "+own)
		}
		for _, refused := range found.never {
			if matches(refused+"/...", imported) {
				problems = append(problems, path+" may not import "+imported)
			}
		}
	}
	return problems
}

func find(path string) (rule, bool) {
	for _, r := range rules {
		if matches(r.pkg, path) {
			return r, true
		}
	}
	return rule{}, false
}

func anyMatches(patterns []string, path string) bool {
	for _, pattern := range patterns {
		if matches(pattern, path) {
			return true
		}
	}
	return false
}

// matches says whether a path is what the pattern names, or below it if the pattern ends with "/...".
func matches(pattern, path string) bool {
	base, below := strings.CutSuffix(pattern, "/...")
	return path == base || below && strings.HasPrefix(path, base+"/")
}

func TestCheckFindsForbiddenImports(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pkg  string
		imp  string
		want bool
	}{
		"vendor to port":               {"internal/provider/feishu", module + "internal/provider", true},
		"vendor to other vendor":       {"internal/provider/feishu", module + "internal/provider/wecom", false},
		"simulator to vendor":          {"devkit/simulator/feishu", module + "internal/provider/feishu", false},
		"workflow to clock-free":       {"workflows", "go.temporal.io/sdk/workflow", true},
		"workflow to environment":      {"workflows", "os", false},
		"workflow to log/slog":         {"workflows", "log/slog", false},
		"domain to Temporal":           {"internal/directory", "go.temporal.io/sdk/temporal", false},
		"production to test databases": {"db", module + "db/dbtest", false},
		"unknown package":              {"internal/helpers", "fmt", false},
	} {
		problems := check(listed{ImportPath: module + c.pkg, Imports: []string{c.imp}})
		require.Equal(t, c.want, len(problems) == 0, name)
	}
}
