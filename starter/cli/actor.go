package cli

import (
	"os"
	"os/user"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
)

// Actor is the person at the command line as runs and providers have them on record: the
// system's user and host.
func Actor() string {
	name := "uid=" + strconv.Itoa(os.Getuid()) // a container may have no name for it
	if account, err := user.Current(); err == nil && account.Username != "" {
		name = account.Username
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown"
	}
	return directory.Actor(name + "@" + host)
}

// By is the person at the command line as the audit log has them.
func By() service.By { return service.By{Name: Actor()} }
