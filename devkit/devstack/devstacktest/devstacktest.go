// Package devstacktest stands in for the programs that a stack runs, so that tests of the stack itself are quick and depend
// on nothing else. Only tests import it.
package devstacktest

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Play makes a test binary that was started under the name of one of the programs behave like it, and does not return then.
// TestMain calls it first.
func Play() {
	var play func() error
	switch filepath.Base(os.Args[0]) {
	case "simulator":
		play = playSimulator
	case "orgsync-worker":
		play = playWorker
	case "orgsync":
		play = playCommandLine
	default:
		return
	}
	if err := play(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Programs returns a directory in which this test binary lies under the name of each program, and others besides.
func Programs(t testing.TB, others ...string) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{"simulator", "orgsync-worker", "orgsync"}, others...) {
		if err := place(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// place makes a second name for a program: a link that the program cannot see through, or a copy where links cannot be.
func place(program, name string) error {
	if os.Link(program, name) == nil {
		return nil
	}
	from, err := os.Open(program)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.Close()
}

func playSimulator() error {
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	flags.String("state", "", "")
	flags.String("output", "", "")
	announcement := map[string]any{}
	addresses := map[string]*string{}
	for _, service := range []string{"feishu", "dingtalk", "wecom", "control"} {
		addresses[service] = flags.String(service+"-addr", "", "")
	}
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	for service, address := range addresses {
		listener, err := net.Listen("tcp", *address)
		if err != nil {
			return err
		}
		go func() { _ = http.Serve(listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) }()
		announcement[service] = map[string]any{"config": map[string]string{"base_url": "http://" + *address}}
	}
	announcement["control_url"] = "http://" + *addresses["control"]
	delete(announcement, "control")
	if err := json.NewEncoder(os.Stdout).Encode(announcement); err != nil {
		return err
	}
	waitForSignal()
	return nil
}

func playWorker() error {
	for _, name := range []string{"DATABASE_URL", "ORGSYNC_KEYSET"} {
		if os.Getenv(name) == "" {
			return fmt.Errorf("%s is not set", name)
		}
	}
	c, err := client.Dial(client.Options{HostPort: os.Getenv("TEMPORAL_ADDRESS"), Namespace: os.Getenv("TEMPORAL_NAMESPACE")})
	if err != nil {
		return err
	}
	defer c.Close()
	for _, queue := range []string{"orgsync", "orgsync-fetch"} {
		w := worker.New(c, queue, worker.Options{})
		w.RegisterWorkflowWithOptions(func(workflow.Context) error { return nil }, workflow.RegisterOptions{Name: "Nothing"})
		w.RegisterActivityWithOptions(func() error { return nil }, activity.RegisterOptions{Name: "Nothing"})
		if err := w.Start(); err != nil {
			return err
		}
		defer w.Stop()
	}
	waitForSignal()
	return nil
}

// HangVariable names an environment variable that, when set, makes the played orgsync wait in a sync until interrupted.
const HangVariable = "DEVSTACKTEST_HANG"

func playCommandLine() error {
	switch args := os.Args[1:]; args[0] {
	case "provider":
		var config map[string]string
		if err := json.NewDecoder(os.Stdin).Decode(&config); err != nil || config["base_url"] == "" {
			return fmt.Errorf("provider add: no configuration on standard input: %w", err)
		}
	case "sync":
		if os.Getenv(HangVariable) != "" {
			waitForSignal()
			return errors.New("interrupted")
		}
		counts := `{"read":7,"created":1,"updated":2,"moved":2,"restored":2,"deactivated":3,"deleted":5,"unchanged":6}`
		fmt.Printf(`{"status":"succeeded","departments":%s,"members":%s,"duration_ms":1500}`, counts, counts)
	case "tree":
		fmt.Println("the tree of", args[1])
	}
	return nil
}

func waitForSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
}
