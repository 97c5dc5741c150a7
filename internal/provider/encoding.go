package provider

import (
	"bytes"
	"mime"
	"net/http"
	"regexp"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

var byteOrderMark = []byte("\uFEFF")

// plainLabel is what the name of an encoding looks like; anything else is not repeated.
var plainLabel = regexp.MustCompile(`^[A-Za-z0-9_.:+-]{1,40}$`)

// readable gives an answer's text in UTF-8, and false if it has none. JSON is UTF-8
// (RFC 8259 §8.1) and the providers say so, but a gateway on the way may turn it into
// another encoding and declare that, or declare one and leave the text as it was: bytes
// beyond ASCII that are UTF-8 are hardly ever anything else. Nothing is guessed: bytes
// that stand for no character would take people's names away.
func readable(body []byte, header http.Header) (text []byte, ok bool) {
	label := declaredEncoding(header)
	valid := utf8.Valid(body)
	encoding, name := charset.Lookup(label)
	if encoding == nil || name == "utf-8" || valid && !isASCII(body) {
		return bytes.TrimPrefix(body, byteOrderMark), valid
	}
	text, err := encoding.NewDecoder().Bytes(body)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, false
	}
	return bytes.TrimPrefix(text, byteOrderMark), true
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// declaredEncoding is the name of an encoding as an answer declares it, if it does.
func declaredEncoding(header http.Header) string {
	_, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || !plainLabel.MatchString(parameters["charset"]) {
		return ""
	}
	return parameters["charset"]
}
