// Package vendors has a client that others wrote read callbacks of our simulator, and our receiver read what that
// client has encrypted. One mistake in both our simulator and our client would show here.
package vendors
