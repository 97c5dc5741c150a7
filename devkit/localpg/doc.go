// Package localpg runs a private Postgres server out of a directory, for tests and the development stack: it finds or
// fetches the binaries, makes the cluster, and starts, stops and crashes the server.
//
// The server listens on 127.0.0.1 only and asks for a password. Started by root, it runs under another account, because
// Postgres refuses root. No production program uses this package.
package localpg
