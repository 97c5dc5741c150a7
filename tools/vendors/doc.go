// Package vendors lets clients that the vendors or others wrote read our simulators, and our receiver read what such a
// client has encrypted. One mistake in both our simulator and our client would show here.
package vendors
