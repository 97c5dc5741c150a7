// Package app puts the parts together: from settings to an opened database, provider
// clients and a running worker. It holds no logic of its own, and no main imports
// another, so that tests and tools run the very worker that operators do.
package app
