// Package arch holds tests of the project's own structure: which package imports which, and what its documents say.
package arch
