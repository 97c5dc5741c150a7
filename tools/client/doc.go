// Package client tests that the API's document is good for programs: a generator of others makes
// a client of it, and the client calls a running server. "make api-client" does both.
package client
