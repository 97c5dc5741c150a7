package normalize

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
)

// homeRegion is where a phone number without country code is dialled from.
const (
	homeRegion = "CN"
	homeCode   = 86
)

// Phone gives E.164 ("+8613800000000") for what can be dialled from China or,
// with a country code, from anywhere, and Name(s) for everything else: masked
// numbers, numbers with an extension, several numbers in one field, none of which
// E.164 could hold without loss, numbers of an impossible length, and Chinese ones that
// no phone can have, such as one without its area code.
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
	return !strings.ContainsFunc(s, notDigit)
}

func e164(s string) (string, bool) {
	number, err := phonenumbers.Parse(s, homeRegion)
	if err != nil || !phonenumbers.IsPossibleNumber(number) {
		return "", false
	}
	chinese, assigned := number.GetCountryCode() == homeCode, valid(number)
	if chinese && !assigned {
		return "", false
	}
	// Elsewhere a number may be longer than another one: in Germany 030 123456-78 is one.
	if (chinese || !assigned) && extended(s) {
		return "", false
	}
	return phonenumbers.Format(number, phonenumbers.E164), true
}

// valid reports whether a phone can have the number. Chinese mobiles are all taken for
// valid, since prefixes are added faster than the parser's table of them.
func valid(number *phonenumbers.PhoneNumber) bool {
	return phonenumbers.IsValidNumber(number) ||
		number.GetCountryCode() == homeCode && chineseMobile(strconv.FormatUint(number.GetNationalNumber(), 10))
}

// extended reports whether digits are set apart after what is a whole number already:
// they are an extension, as in 010-88886666-8.
func extended(s string) bool {
	for i, r := range s {
		if unicode.IsDigit(r) || !strings.ContainsFunc(s[i:], unicode.IsDigit) {
			continue
		}
		if local(s[:i]) {
			return true
		}
		if number, err := phonenumbers.Parse(s[:i], homeRegion); err == nil && valid(number) {
			return true
		}
	}
	return false
}

// local reports whether s looks like a Chinese number without its area code, whose
// extension would make it look like one with: 8888666-801. Services that begin with
// 400 and 800 have no area code.
func local(s string) bool {
	return (len(s) == 7 || len(s) == 8) && s[0] >= '2' && !strings.ContainsFunc(s, notDigit) &&
		!strings.HasPrefix(s, "400") && !strings.HasPrefix(s, "800")
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

// notDialled reports what cannot be part of a single plain number. The parser is
// more lenient: it skips a mask's asterisks, spells letters on the keypad and
// stops at a second number.
func notDialled(r rune) bool {
	return !unicode.IsDigit(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Pd, r) && !strings.ContainsRune("+().", r)
}
