//go:build generated

package client

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orgsync/orgsync/tools/client/generated"
)

func TestAGeneratedClientSyncsACompany(t *testing.T) {
	ctx := t.Context()
	c, err := generated.NewClientWithResponses(os.Getenv("ORGSYNC_SERVER_URL"),
		generated.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+os.Getenv("ORGSYNC_TOKEN"))
			return nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(os.Getenv("ORGSYNC_COMPANY"))
	if err != nil {
		t.Fatal(err)
	}
	config := map[string]string{}
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	created, err := c.CreateProviderWithResponse(ctx, generated.ProviderCreate{
		Name: "client", ProviderType: generated.ProviderCreateProviderTypeFeishu, Config: config,
	})
	if err != nil || created.JSON201 == nil {
		t.Fatalf("%v: %s", err, created.Body)
	}
	tested, err := c.TestProviderWithResponse(ctx, "client")
	if err != nil || tested.JSON200 == nil || !tested.JSON200.Ok {
		t.Fatalf("%v: %s", err, tested.Body)
	}
	started, err := c.StartRunWithResponse(ctx, "client", generated.RunStart{})
	if err != nil || started.JSON202 == nil || started.JSON202.RunId == nil {
		t.Fatalf("%v: %s", err, started.Body)
	}
	for status := generated.RunStatusRunning; status != generated.RunStatusSucceeded; time.Sleep(
		200 * time.Millisecond) {
		run, err := c.GetRunWithResponse(ctx, *started.JSON202.RunId)
		if err != nil || run.JSON200 == nil {
			t.Fatalf("%v: %s", err, run.Body)
		}
		if status = run.JSON200.Status; status != generated.RunStatusRunning && status != generated.RunStatusSucceeded {
			t.Fatalf("the run is %s", status)
		}
	}
	limit, provider := int64(10), "client"
	members, err := c.ListMembersWithResponse(ctx, &generated.ListMembersParams{Provider: &provider, Limit: &limit})
	if err != nil || members.JSON200 == nil || len(members.JSON200.Items) != int(limit) || members.JSON200.Next == nil {
		t.Fatalf("%v: %s", err, members.Body)
	}
	departments, err := c.ListDepartmentsWithResponse(ctx, "client", &generated.ListDepartmentsParams{})
	if err != nil || departments.JSON200 == nil || len(departments.JSON200.Items) == 0 {
		t.Fatalf("%v: %s", err, departments.Body)
	}
	groups, err := c.ListGroupsWithResponse(ctx, &generated.ListGroupsParams{Provider: &provider})
	if err != nil || groups.JSON200 == nil || len(groups.JSON200.Items) == 0 {
		t.Fatalf("%v: %s", err, groups.Body)
	}
	webhook, err := c.CreateWebhookWithResponse(ctx, generated.WebhookCreate{Url: "https://hooks.example.com/orgsync"})
	if err != nil || webhook.JSON201 == nil {
		t.Fatalf("%v: %s", err, webhook.Body)
	}
	ids := objects{
		"Run": *started.JSON202.RunId, "Member": members.JSON200.Items[0].Id, "Group": groups.JSON200.Items[0].Id,
		"Department": departments.JSON200.Items[0].Id, "Token": uuid.New(),
		"Webhook": webhook.JSON201.Id,
	}
	callAll(t, c, ids)
	known := []string{}
	for _, id := range ids {
		known = append(known, id.String())
	}
	fuzz(t, os.Getenv("ORGSYNC_SERVER_URL"), known)
	spare, err := c.CreateProviderWithResponse(ctx, generated.ProviderCreate{
		Name: "spare", ProviderType: generated.ProviderCreateProviderTypeFeishu, Config: config,
	})
	if err != nil || spare.JSON201 == nil {
		t.Fatalf("%v: %s", err, spare.Body)
	}
	removed, err := c.DeleteProviderWithResponse(ctx, "spare")
	if err != nil || removed.StatusCode() != http.StatusNoContent {
		t.Fatalf("%v: %s", err, removed.Body)
	}
	again, err := c.StartRunWithResponse(ctx, "nobody", generated.RunStart{})
	if err != nil || again.ApplicationproblemJSON404 == nil ||
		again.ApplicationproblemJSON404.Code != "provider_unknown" {
		t.Fatalf("%v: %s", err, again.Body)
	}
}
