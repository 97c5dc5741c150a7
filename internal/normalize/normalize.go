// Package normalize brings what providers send into the one form in which it is
// stored and compared, so that the same value never looks changed and Postgres
// accepts it. All functions are pure and idempotent. The package decides no
// meaning: whether a field was sent, or what an empty name becomes, is the
// caller's business.
package normalize

import (
	"strings"
	"unicode"
)

// Text makes s storable in a Postgres text column, which takes neither NUL nor
// invalid UTF-8: NUL is removed, a run of invalid bytes becomes U+FFFD. Nothing
// else is touched.
func Text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}

// Name is Text without outer white space.
func Name(s string) string {
	return strings.TrimFunc(Text(s), isOuterSpace)
}

// Email is Name in lower case. It does not judge whether the address is one.
func Email(s string) string {
	return strings.ToLower(Name(s))
}

// isOuterSpace reports white space, control characters and the invisible
// characters that come with text copied from web pages and chat clients. The
// other format characters stay: they end some emoji.
func isOuterSpace(r rune) bool {
	switch {
	case unicode.IsSpace(r), unicode.IsControl(r):
		return true
	case '\u200b' <= r && r <= '\u200f', '\u202a' <= r && r <= '\u202e':
		return true // zero-width space and joiners, direction marks and overrides
	case r == '\u2060', '\u2066' <= r && r <= '\u2069', r == '\ufeff':
		return true // word joiner, direction isolates, byte order mark
	default:
		return false
	}
}
