// Package devstack runs the whole system on one machine, for development, demonstrations and end-to-end tests: a private
// Postgres, a Temporal dev server with its Web UI, the simulated providers and a worker.
//
// Everything a stack keeps lies in one directory and listens on ports of its own on 127.0.0.1, so that any number of stacks
// live side by side. What a stack starts never outlives the process that started it. It runs the programs in bin/ as they
// are and knows none of their code; production programs do not import it.
package devstack
