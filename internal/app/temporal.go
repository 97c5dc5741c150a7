package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"

	"github.com/orgsync/orgsync/workflows"
)

// DialTemporal connects with the settings of the SDK's TEMPORAL_* variables and
// profiles, adjusted where the program is watched. The error says what to check.
func DialTemporal(ctx context.Context, logger *slog.Logger, adjust ...func(*client.Options)) (client.Client, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, fmt.Errorf("temporal settings: %w", err)
	}
	options.Logger = log.NewStructuredLogger(logger)
	for _, change := range adjust {
		change(&options)
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("temporal at %s does not answer: %w; check TEMPORAL_ADDRESS", address(options.HostPort),
			err)
	}
	if err := namespaceExists(ctx, c, options); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// NamespaceError says that the Temporal service does not have the namespace that the
// settings name.
type NamespaceError struct{ Address, Namespace string }

// Error implements error.
func (e *NamespaceError) Error() string {
	return fmt.Sprintf(
		"temporal at %s has no namespace %q; set TEMPORAL_NAMESPACE to one of its own, or create it with: temporal "+
			"operator namespace create -n %[2]s",
		e.Address, e.Namespace)
}

// namespaceExists returns *NamespaceError if the service says that there is no such
// namespace. A caller who may not ask for that finds out otherwise.
func namespaceExists(ctx context.Context, c client.Client, options client.Options) error {
	name := cmp.Or(options.Namespace, client.DefaultNamespace)
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
	if errors.As(err, new(*serviceerror.NamespaceNotFound)) {
		return &NamespaceError{Address: address(options.HostPort), Namespace: name}
	}
	return nil
}

func address(hostPort string) string {
	if hostPort == "" {
		return client.DefaultHostPort
	}
	return hostPort
}

// Namespace is the Temporal namespace that DialTemporal's settings name.
func Namespace() string {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil || options.Namespace == "" {
		return client.DefaultNamespace
	}
	return options.Namespace
}

// WebURL is a workflow's page in the Web UI at base, of its newest run if temporalRunID
// is empty; "" without base or workflow.
func WebURL(base, workflowID, temporalRunID string) string {
	if base == "" || workflowID == "" {
		return ""
	}
	page := strings.TrimRight(base, "/") + "/namespaces/" + url.PathEscape(Namespace()) + "/workflows/" +
		url.PathEscape(workflowID)
	if temporalRunID != "" {
		page += "/" + url.PathEscape(temporalRunID)
	}
	return page
}

// EnsureSearchAttributes registers the search attributes that the workflows set,
// where they are missing: without them a workflow's first task could not complete.
func EnsureSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	wanted := map[string]enums.IndexedValueType{}
	for _, attribute := range workflows.Attributes {
		wanted[attribute.GetName()] = attribute.GetValueType()
	}
	listed, err := c.OperatorService().ListSearchAttributes(ctx,
		&operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err == nil {
		for name := range listed.GetCustomAttributes() {
			delete(wanted, name)
		}
		if len(wanted) == 0 {
			return nil
		}
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx,
		&operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: wanted})
	var exists *serviceerror.AlreadyExists
	if err == nil || errors.As(err, &exists) {
		return nil
	}
	var commands []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		commands = append(commands, fmt.Sprintf("--name %s --type %s", name, wanted[name]))
	}
	return fmt.Errorf(
		"register search attributes: %w; have an administrator run: temporal operator search-attribute create %s", err,
		strings.Join(commands, " "))
}
