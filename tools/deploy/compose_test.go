package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

func seconds(t *testing.T, pattern *regexp.Regexp, text string) time.Duration {
	t.Helper()
	found := pattern.FindStringSubmatch(text)
	require.NotNil(t, found)
	grace, err := time.ParseDuration(found[1] + "s")
	require.NoError(t, err)
	return grace
}

// compose reads compose.yaml as docker compose does, with the passwords of env.example filled in.
func compose(t *testing.T, more ...string) (*types.Project, error) {
	t.Helper()
	env := more
	for _, line := range strings.Split(read(t, "deploy", "compose", "env.example"), "\n") {
		if name, _, isSetting := strings.Cut(line, "="); isSetting && !strings.HasPrefix(line, "#") {
			env = append(env, name+"=secret-of-"+strings.ToLower(name))
		}
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "deploy", "compose.yaml")},
		cli.WithEnv(env), cli.WithProfiles([]string{"*"}))
	require.NoError(t, err)
	return options.LoadProject(t.Context())
}

func TestCompose(t *testing.T) {
	t.Parallel()
	project, err := compose(t)
	require.NoError(t, err)
	for _, name := range []string{"migrate", "worker", "server", "cli"} {
		service, err := project.GetService(name)
		require.NoError(t, err)
		for variable := range service.Environment {
			requireSetting(t, variable)
		}
		requireCommand(t, append(append([]string{}, service.Entrypoint...), service.Command...))
		require.True(t, service.ReadOnly, name)
		require.Equal(t, []string{"ALL"}, service.CapDrop, name)
		if name != "migrate" {
			require.Equal(t, "/run/secrets/keyset", *service.Environment["ORGSYNC_KEYSET"])
			require.Equal(t, "keyset", service.Secrets[0].Source)
		}
	}
	worker := project.Services["worker"]
	require.Equal(t, "postgres://orgsync_worker:secret-of-worker_password@postgres:5432/orgsync",
		*worker.Environment["DATABASE_URL"])
	require.Equal(t, "false", *worker.Environment["ORGSYNC_MIGRATE"])
	require.Equal(t, types.ServiceConditionCompletedSuccessfully, worker.DependsOn["migrate"].Condition)
	requireGrace(t, time.Duration(*worker.StopGracePeriod))
	requireCommand(t, worker.HealthCheck.Test[1:])
	server := project.Services["server"]
	requireCommand(t, server.HealthCheck.Test[1:])
	require.Greater(t, time.Duration(*server.StopGracePeriod), serverStops(t))
	require.Equal(t, project.Services["cli"].Environment["DATABASE_URL"], server.Environment["DATABASE_URL"])
	require.Equal(t, "postgres://orgsync_owner:secret-of-owner_password@postgres:5432/orgsync",
		*project.Services["migrate"].Environment["DATABASE_URL"])
	require.Equal(t, "postgres://orgsync_operator:secret-of-operator_password@postgres:5432/orgsync",
		*project.Services["cli"].Environment["DATABASE_URL"])
	for _, service := range project.Services {
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeBind {
				_, err := os.Stat(volume.Source)
				require.NoError(t, err)
			}
		}
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s is open to the network", service.Name)
		}
	}
}

func TestComposeTakesServicesOfOnesOwn(t *testing.T) {
	t.Parallel()
	project, err := compose(t, "DATABASE_URL_WORKER=postgres://w@db/o", "TEMPORAL_ADDRESS=cloud:7233",
		"TEMPORAL_API_KEY=key")
	require.NoError(t, err)
	env := project.Services["worker"].Environment
	require.Equal(t, "postgres://w@db/o", *env["DATABASE_URL"])
	require.Equal(t, "cloud:7233", *env["TEMPORAL_ADDRESS"])
	require.Equal(t, "key", *env["TEMPORAL_API_KEY"])
}

func TestComposeAsksForPasswords(t *testing.T) {
	t.Parallel()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "deploy", "compose.yaml")}, cli.WithEnv(nil))
	require.NoError(t, err)
	_, err = options.LoadProject(t.Context())
	require.ErrorContains(t, err, "set it in .env")
}
