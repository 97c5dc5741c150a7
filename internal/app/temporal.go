package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
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
		return nil, fmt.Errorf("temporal at %s does not answer: %w; check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE", address(options.HostPort), err)
	}
	return c, nil
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
	page := strings.TrimRight(base, "/") + "/namespaces/" + url.PathEscape(Namespace()) + "/workflows/" + url.PathEscape(workflowID)
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
	listed, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err == nil {
		for name := range listed.GetCustomAttributes() {
			delete(wanted, name)
		}
		if len(wanted) == 0 {
			return nil
		}
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: wanted})
	var exists *serviceerror.AlreadyExists
	if err == nil || errors.As(err, &exists) {
		return nil
	}
	var commands []string
	for name, kind := range wanted {
		commands = append(commands, fmt.Sprintf("--name %s --type %s", name, kind))
	}
	return fmt.Errorf("register search attributes: %w; have an administrator run: temporal operator search-attribute create %s", err, strings.Join(commands, " "))
}
