// Package e2e tests the whole: a real Temporal server, real Postgres, the worker that
// operators run, and simulated providers over HTTP. It holds tests only.
package e2e
