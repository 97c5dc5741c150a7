package console

import "github.com/orgsync/orgsync/internal/access"

// Routes are the operations of all pages and actions by their patterns.
func Routes() map[string]access.Operation {
	found := map[string]access.Operation{}
	for _, one := range (&Console{}).routes() {
		found[one.pattern] = one.operation
	}
	return found
}
