// Package message holds every text that the programs make for people, in English and Chinese,
// by code and arguments. It reads no clock, file or network: the same code and arguments give
// the same text, so workflows use it, too.
package message

import (
	"embed"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Language is one that the texts exist in. The zero Language is English.
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Languages are all languages, the default one first.
var Languages = []Language{English, Chinese}

// Code names a text.
type Code string

// Args are what a text names, by its placeholders. Count chooses between singular and plural.
type Args map[string]any

// Match returns the language that suits a reader best, who says what they read as in the HTTP
// header Accept-Language. It is English where none of the reader's languages is ours.
func Match(accepted string) Language {
	wanted, _, err := language.ParseAcceptLanguage(accepted)
	if err != nil {
		return English
	}
	_, index, _ := matcher.Match(wanted...)
	return Languages[index]
}

// Text returns what a code says.
//
//workflowcheck:ignore
func (l Language) Text(code Code, args Args) string {
	localizer, known := localizers[l]
	if !known {
		localizer = localizers[English]
	}
	config := &i18n.LocalizeConfig{MessageID: string(code), TemplateData: args}
	if count, counted := args["Count"]; counted {
		config.PluralCount = count
	}
	text, err := localizer.Localize(config)
	if err != nil {
		return string(code)
	}
	return text
}

// Phase returns the name of a run's phase, and Status that of a run's status.
func (l Language) Phase(phase string) string { return l.name("phase.", phase) }

// Status returns the name of a run's status.
func (l Language) Status(status string) string { return l.name("status.", status) }

// Kind returns the name of an object kind, in the plural.
func (l Language) Kind(kind string) string { return l.name("kind.", kind) }

// EventMode returns how events come.
func (l Language) EventMode(mode string) string { return l.name("event_mode.", mode) }

// EventObject returns what an event is about.
func (l Language) EventObject(object string) string { return l.name("event_object.", object) }

// EventRefusal returns why messages were refused.
func (l Language) EventRefusal(reason string) string { return l.name("event_refused.", reason) }

// name returns the name of a word of the programs, or the word where it has none.
func (l Language) name(prefix, word string) string {
	code := Code(prefix + word)
	if text := l.Text(code, nil); text != string(code) {
		return text
	}
	return word
}

// Time writes a time for people who may live in any time zone.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Length writes a duration that people set, without its zero ends: 72h.
func Length(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

//go:embed *.toml
var files embed.FS

var (
	matcher    = language.NewMatcher([]language.Tag{language.English, language.Chinese})
	localizers = loadLocalizers()
)

func loadLocalizers() map[Language]*i18n.Localizer {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	found := map[Language]*i18n.Localizer{}
	for _, l := range Languages {
		for _, name := range []string{"", "console.", "provider."} {
			if _, err := bundle.LoadMessageFileFS(files, name+string(l)+".toml"); err != nil {
				panic(err) // the files are compiled in
			}
		}
		found[l] = i18n.NewLocalizer(bundle, string(l))
	}
	return found
}
