package pg

import "strings"

// EscapeLike returns a text for use in a LIKE pattern, where it stands for itself.
func EscapeLike(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}
