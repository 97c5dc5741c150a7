package provider

import (
	"errors"
	"fmt"
)

// OptionalKind makes a finding of the first page of a listing that a sync can do without, such
// as that of groups. That it cannot be read is a warning, whatever the reason: it costs that
// kind and nothing else. err is returned if it is not the provider's.
func OptionalKind(kind string, found int, err error) (Finding, error) {
	var refused *Error
	switch {
	case errors.As(err, &refused):
		return Finding{Level: Warn, Check: kind, Detail: kind + " are not read: " + refused.Said(),
			Action: refused.Remedy()}, nil
	case err != nil:
		return Finding{}, err
	default:
		return Finding{Level: Pass, Check: kind, Detail: fmt.Sprintf("%d on the first page", found)}, nil
	}
}
