package simulator_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
)

// A test makes a company, shows it at a vendor, scripts what shall go wrong and
// compares what it read with the truth.
func Example() {
	company := simulator.Generate(simulator.TypicalSpec(1, 500))
	srv := wecom.New(company, wecom.Config{Options: simulator.Options{
		NoQuotas: true,
		BeforeCall: func(endpoint string, n int) {
			if endpoint == "user/list" && n == 3 { // in mid-run somebody leaves
				_ = company.Leave(7)
			}
		},
	}})
	ts := httptest.NewServer(srv) // the base_url of a client with corp_id wwsim
	defer ts.Close()
	srv.Faults.Add(simulator.Fault{
		Endpoint: "user/list", Department: "3", Times: 2,
		Action: simulator.Action{Kind: simulator.Throttle},
	})

	// ... sync against ts.URL, then compare:
	truth := company.Truth(directory.WeCom)
	fmt.Println(len(truth.Members), "people in", len(truth.Departments), "departments")
	fmt.Println(srv.Calls.Count("user/list"), "calls of user/list")
	fmt.Println(len(company.Drift(2, 0.05)) > 0)
	// Output:
	// 500 people in 41 departments
	// 0 calls of user/list
	// true
}
