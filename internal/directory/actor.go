package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// An actor is who started or decided a run, or changed a provider, as it is put on record: a
// login name with its host, a token's name, a schedule's id, or one of these words. Temporal gets
// only the words, schedules' ids, and what people write there themselves.
const (
	// ByTemporal is a person who used Temporal's own means and did not say who they are.
	ByTemporal = "temporal"
	// ByExpiry is nobody: the time to decide was up.
	ByExpiry = "expired"
	// ByEvents is what the provider itself told of.
	ByEvents = "events"
	// ByLogin is a member's login, which brought something.
	ByLogin = "login"
)

// MaxActor is how many bytes an actor may take.
const MaxActor = 200

// BySchedule is the actor that a schedule is.
func BySchedule(id string) string { return Actor(bySchedules + id) }

// bySchedules begins the actors that schedules are.
const bySchedules = "schedule "

// IsAsked reports whether an actor is a person or program that asked for something, and not a
// schedule, the provider's own events or a member's login.
func IsAsked(actor string) bool {
	return !strings.HasPrefix(actor, bySchedules) && actor != ByEvents && actor != ByLogin
}

// Actor makes an actor of a text that may be too long for one.
func Actor(text string) string {
	text = strings.TrimSpace(strings.ToValidUTF8(text, ""))
	end := min(len(text), MaxActor)
	for end > 0 && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// IsActor reports whether a text that a person gave can be put on record as who they are: it is
// empty, or printable and not too long.
func IsActor(text string) bool {
	return len(text) <= MaxActor && utf8.ValidString(text) && strings.TrimSpace(text) == text &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
