package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// cluster is what a folder brings into a cluster.
type cluster struct {
	deployment appsv1.Deployment // the workers'
	server     appsv1.Deployment
	service    corev1.Service
	job        batchv1.Job
	budget     policyv1.PodDisruptionBudget // the workers'
	servers    policyv1.PodDisruptionBudget
	account    corev1.ServiceAccount
	namespace  corev1.Namespace
	maps       map[string]corev1.ConfigMap
	secrets    map[string]corev1.Secret
}

// build resolves a folder as kubectl does; a field that Kubernetes does not know fails the test.
func build(t *testing.T, dir string) cluster {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err)
	c := cluster{maps: map[string]corev1.ConfigMap{}, secrets: map[string]corev1.Secret{}}
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		require.NoError(t, err)
		decode := func(into any) { require.NoError(t, yaml.UnmarshalStrict(text, into), "%s", text) }
		switch kind := resource.GetKind(); kind {
		case "Deployment":
			if resource.GetName() == "orgsync-server" {
				decode(&c.server)
				continue
			}
			decode(&c.deployment)
		case "Service":
			decode(&c.service)
		case "Job":
			decode(&c.job)
		case "PodDisruptionBudget":
			if resource.GetName() == "orgsync-server" {
				decode(&c.servers)
				continue
			}
			decode(&c.budget)
		case "ServiceAccount":
			decode(&c.account)
		case "Namespace":
			decode(&c.namespace)
		case "ConfigMap":
			var found corev1.ConfigMap
			decode(&found)
			c.maps[found.Name] = found
		case "Secret":
			var found corev1.Secret
			decode(&found)
			c.secrets[found.Name] = found
		default:
			t.Errorf("nothing checks the %s %s", kind, resource.GetName())
		}
	}
	return c
}

func TestBase(t *testing.T) {
	t.Parallel()
	c := build(t, filepath.Join(root, "deploy", "kubernetes", "base"))
	requireTight(t, c.account, c.deployment.Spec.Template.Spec)
	requireTight(t, c.account, c.job.Spec.Template.Spec)
	requireTight(t, c.account, c.server.Spec.Template.Spec)
	requireServer(t, c)
	pod := c.deployment.Spec.Template
	requireGrace(t, time.Duration(*pod.Spec.TerminationGracePeriodSeconds)*time.Second)
	for _, selector := range []*metav1.LabelSelector{
		c.deployment.Spec.Selector, c.budget.Spec.Selector, pod.Spec.TopologySpreadConstraints[0].LabelSelector,
	} {
		chosen, err := metav1.LabelSelectorAsSelector(selector)
		require.NoError(t, err)
		require.True(t, chosen.Matches(labels.Set(pod.Labels)))
		require.False(t, chosen.Matches(labels.Set(c.job.Spec.Template.Labels)), "the migration counts as a worker")
	}
	worker := pod.Spec.Containers[0]
	for _, probe := range []*corev1.Probe{worker.StartupProbe, worker.LivenessProbe, worker.ReadinessProbe} {
		require.Equal(t, worker.Ports[0].Name, probe.HTTPGet.Port.String())
		require.Contains(t, []string{"/healthz", "/readyz"}, probe.HTTPGet.Path)
	}
}

// requireServer checks that the service leads to the servers and nowhere else, and that they are asked where they
// answer.
func requireServer(t *testing.T, c cluster) {
	t.Helper()
	chosen := labels.SelectorFromSet(c.service.Spec.Selector)
	require.True(t, chosen.Matches(labels.Set(c.server.Spec.Template.Labels)))
	require.False(t, chosen.Matches(labels.Set(c.deployment.Spec.Template.Labels)), "a worker counts as a server")
	for _, selector := range []*metav1.LabelSelector{c.server.Spec.Selector, c.servers.Spec.Selector} {
		chosen, err := metav1.LabelSelectorAsSelector(selector)
		require.NoError(t, err)
		require.True(t, chosen.Matches(labels.Set(c.server.Spec.Template.Labels)))
		require.False(t, chosen.Matches(labels.Set(c.deployment.Spec.Template.Labels)), "a worker counts as a server")
	}
	server := c.server.Spec.Template.Spec.Containers[0]
	require.Equal(t, server.Ports[0].Name, c.service.Spec.Ports[0].TargetPort.String())
	for _, probe := range []*corev1.Probe{server.StartupProbe, server.LivenessProbe, server.ReadinessProbe} {
		require.Equal(t, server.Ports[0].Name, probe.HTTPGet.Port.String())
	}
	pause := time.Duration(server.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	require.Greater(t, time.Duration(*c.server.Spec.Template.Spec.TerminationGracePeriodSeconds)*time.Second,
		pause+serverStops(t))
}

// requireTight checks what any cluster's policies may ask of a pod, and its settings and command.
func requireTight(t *testing.T, account corev1.ServiceAccount, pod corev1.PodSpec) {
	t.Helper()
	require.Equal(t, account.Name, pod.ServiceAccountName)
	require.False(t, *pod.AutomountServiceAccountToken)
	require.True(t, *pod.SecurityContext.RunAsNonRoot)
	require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
	for _, container := range pod.Containers {
		require.True(t, *container.SecurityContext.ReadOnlyRootFilesystem)
		require.False(t, *container.SecurityContext.AllowPrivilegeEscalation)
		require.Equal(t, []corev1.Capability{"ALL"}, container.SecurityContext.Capabilities.Drop)
		require.False(t, container.Resources.Requests.Memory().IsZero())
		require.False(t, container.Resources.Limits.Memory().IsZero())
		requireCommand(t, container.Command)
		for _, variable := range container.Env {
			requireSetting(t, variable.Name)
		}
	}
}

func TestExample(t *testing.T) {
	t.Parallel()
	requireWhole(t, build(t, filepath.Join(root, "deploy", "kubernetes", "example")))
}

// The lines marked for mTLS work when the comment marks are taken away.
func TestExampleWithCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(root, "deploy", "kubernetes"))))
	path := filepath.Join(dir, "example", "kustomization.yaml")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	changed := regexp.MustCompile(`(?m)^( *)# (- TEMPORAL_TLS|patches:|  - path:)`).ReplaceAllString(string(text),
		"$1$2")
	require.NotEqual(t, string(text), changed)
	require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
	c := build(t, filepath.Join(dir, "example"))
	requireWhole(t, c)
	pod := c.deployment.Spec.Template.Spec
	mount := pod.Containers[0].VolumeMounts[0]
	require.Equal(t, pod.Volumes[0].Name, mount.Name)
	require.Equal(t, mount, c.server.Spec.Template.Spec.Containers[0].VolumeMounts[0])
	files := 0
	for _, settings := range c.maps {
		for name, value := range settings.Data {
			if strings.HasPrefix(name, "TEMPORAL_TLS_") {
				files++
				require.Equal(t, mount.MountPath, filepath.Dir(value))
			}
		}
	}
	require.Equal(t, 2, files)
}

// requireWhole checks that everything which pods refer to is there, and that every setting is one.
func requireWhole(t *testing.T, c cluster) {
	t.Helper()
	for _, pod := range []corev1.PodSpec{c.deployment.Spec.Template.Spec, c.server.Spec.Template.Spec,
		c.job.Spec.Template.Spec} {
		container := pod.Containers[0]
		require.Equal(t, "images.example.com/orgsync:1.0.0", container.Image)
		given := map[string]bool{}
		for _, variable := range container.Env {
			given[variable.Name] = true
		}
		for _, source := range container.EnvFrom {
			if source.ConfigMapRef != nil {
				require.Contains(t, c.maps, source.ConfigMapRef.Name)
				for name := range c.maps[source.ConfigMapRef.Name].Data {
					given[name] = true
				}
				continue
			}
			require.Contains(t, c.secrets, source.SecretRef.Name)
			for name := range c.secrets[source.SecretRef.Name].Data {
				given[name] = true
			}
		}
		for name := range given {
			requireSetting(t, name)
		}
		require.Contains(t, given, "DATABASE_URL")
		if pod.Containers[0].Name != "migrate" {
			require.Contains(t, given, "ORGSYNC_KEYSET")
			require.Contains(t, given, "TEMPORAL_ADDRESS")
		}
	}
	for _, namespace := range []string{c.deployment.Namespace, c.server.Namespace, c.service.Namespace, c.job.Namespace,
		c.budget.Namespace, c.servers.Namespace, c.account.Namespace} {
		require.Equal(t, c.namespace.Name, namespace)
	}
}
