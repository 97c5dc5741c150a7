// Package translit writes people's names in lower-case ASCII, so that a person
// can be found by typing "zhangwei" or "zw". It is for people only: department
// names must not get surname readings. The result is never an identity: two
// people may share it, and a better reading table may change it.
package translit

import (
	"strings"
	"sync"
	"unicode"

	"github.com/anyascii/go"
	"github.com/mozillazg/go-pinyin"
	"golang.org/x/text/unicode/norm"
)

// MaxLen bounds the length of every result in bytes; what is longer is cut.
const MaxLen = 256

// Full writes the whole name without any separator, so that a search for a
// prefix needs no guess about spaces: "张伟" is "zhangwei", "Ada Wu" is "adawu".
// Han is read as pinyin, with surname readings at the start of what looks like a
// Chinese personal name and ü as v; other scripts go through anyascii. Digits are
// kept; symbols and emoji are dropped. The result matches ^[a-z0-9]*$ and is
// empty where nothing can be written.
func Full(name string) string {
	return cut(strings.Join(units(name), ""))
}

// Initials gives the first letter of every Han or Hangul syllable and of every
// other word: "张伟" is "zw", "Ada Wu" is "aw". Numbers are kept whole, since
// they are what tells "张伟2" from "张伟". It has the form of Full's result.
func Initials(name string) string {
	var b strings.Builder
	for _, unit := range units(name) {
		if isDigit(unit[0]) {
			b.WriteString(unit)
		} else {
			b.WriteByte(unit[0])
		}
	}
	return cut(b.String())
}

func cut(s string) string { return s[:min(len(s), MaxLen)] }

// units splits a name into the ASCII of its syllables, words and numbers. None
// is empty.
func units(name string) []string {
	// NFKC makes one character of what only looks different: full-width Latin,
	// decomposed accents and Hangul, compatibility ideographs, Kangxi radicals.
	runes := []rune(norm.NFKC.String(name))
	readings := nameReadings(runes)
	var s splitter
	for _, r := range runes {
		switch {
		case unicode.Is(unicode.Han, r):
			reading := pinyinOf(r)
			if len(readings) > 0 {
				if readings[0] != "" {
					reading = readings[0]
				}
				readings = readings[1:]
			}
			s.syllable(reading)
		case unicode.Is(unicode.Hangul, r):
			// Korean names have a syllable per character and no spaces, like Han.
			s.syllable(anyascii.TransliterateRune(r))
		case unicode.IsLetter(r), unicode.IsNumber(r), unicode.IsMark(r):
			s.add(ascii(r))
		case r == '\'', r == '’', unicode.Is(unicode.Cf, r):
			// Inside a word: O'Brien, a zero-width joiner.
		default:
			s.end()
		}
	}
	s.end()
	return s.done
}

// known keeps what pinyinOf found, by character: taking off the tones by the library's
// regular expressions would take most of a name's time.
var known sync.Map

// pinyinOf reads one Han character without tone. Characters that the pinyin
// table lacks (extension planes) are in anyascii's.
func pinyinOf(r rune) string {
	if reading, ok := known.Load(r); ok {
		return reading.(string)
	}
	reading := anyascii.TransliterateRune(r)
	if p := pinyin.SinglePinyin(r, pinyin.Args{}); len(p) > 0 {
		reading = p[0]
	}
	known.Store(r, reading)
	return reading
}

func ascii(r rune) string {
	if r <= unicode.MaxASCII {
		return string(r)
	}
	return anyascii.TransliterateRune(r)
}

// splitter collects units; word is the one under way.
type splitter struct {
	word []byte
	done []string
}

func (s *splitter) syllable(text string) {
	s.end()
	s.add(text)
	s.end()
}

// add continues the word, dropping what is neither letter nor digit. A change
// between letters and digits begins a new unit.
func (s *splitter) add(text string) {
	for _, c := range []byte(strings.ToLower(text)) {
		if !isDigit(c) && (c < 'a' || c > 'z') {
			continue
		}
		if n := len(s.word); n > 0 && isDigit(s.word[n-1]) != isDigit(c) {
			s.end()
		}
		s.word = append(s.word, c)
	}
}

func (s *splitter) end() {
	if len(s.word) > 0 {
		s.done = append(s.done, string(s.word))
		s.word = s.word[:0]
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
