// Package normalize brings what providers send into the one form in which it is
// stored and compared, so that the same value never looks changed and Postgres
// accepts it. All functions are pure and idempotent. The package decides no
// meaning: whether a field was sent, or what an empty name becomes, is the
// caller's business.
package normalize

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
)

// homeRegion is where a phone number without country code is dialled from.
const homeRegion = "CN"

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

// Phone gives E.164 ("+8613800000000") for what can be dialled from China or,
// with a country code, from anywhere, and Name(s) for everything else: masked
// numbers, extensions, several numbers in one field, none of which E.164 could
// hold without loss, and numbers of an impossible length.
func Phone(s string) string {
	text := Name(s)
	if mobile := strings.TrimPrefix(text, "+86"); chineseMobile(mobile) {
		return "+86" + mobile
	}
	// NFKC turns full-width digits and punctuation into ASCII.
	dialled := norm.NFKC.String(text)
	if strings.ContainsFunc(dialled, notDialled) {
		return text
	}
	number, ok := e164(dialled)
	if !ok {
		return text
	}
	// Numbers of nothing but zeros and the like read differently the second time;
	// they would look changed for ever.
	if again, ok := e164(number); !ok || again != number {
		return text
	}
	return number
}

// chineseMobile recognizes the form in which nearly all numbers come, with +86 before
// it or not, for which the parser's regular expressions would take most of a record's
// time (13 µs each).
func chineseMobile(s string) bool {
	if len(s) != 11 || s[0] != '1' || s[1] < '3' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func e164(s string) (string, bool) {
	number, err := phonenumbers.Parse(s, homeRegion)
	if err != nil || !phonenumbers.IsPossibleNumber(number) {
		return "", false
	}
	return phonenumbers.Format(number, phonenumbers.E164), true
}

// notDialled reports what cannot be part of a single plain number. The parser is
// more lenient: it skips a mask's asterisks, spells letters on the keypad and
// stops at a second number.
func notDialled(r rune) bool {
	return !unicode.IsDigit(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Pd, r) && !strings.ContainsRune("+().", r)
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
