package directory

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An actor is who started or decided a run, or changed a provider, as it is put on
// record and may stand in Temporal: a login name with its host, a schedule's id, or one
// of these words. It is never a person's name or address.
const (
	// ByTemporal is somebody who used Temporal's own means and did not say who they are.
	ByTemporal = "temporal"
	// ByExpiry is nobody: the time to decide was up.
	ByExpiry = "expired"
	// ByEvents is what the provider itself told of.
	ByEvents = "events"
)

// maxActor is how many bytes an actor may take.
const maxActor = 200

// BySchedule is the actor that a schedule is.
func BySchedule(id string) string { return Actor(bySchedules + id) }

// bySchedules begins the actors that schedules are.
const bySchedules = "schedule "

// IsAsked reports whether an actor is a person or program that asked for something, and not a
// schedule or the provider's own events.
func IsAsked(actor string) bool {
	return !strings.HasPrefix(actor, bySchedules) && actor != ByEvents
}

// AddressProblem returns what is wrong with a network address that may be left out, or "".
func AddressProblem(field, address string) string {
	if address == "" {
		return ""
	}
	if _, err := netip.ParseAddr(address); err != nil {
		return field + " is no IP address; give one such as 192.0.2.7, or leave it out"
	}
	return ""
}

// Actor makes an actor of a text that may be too long for one.
func Actor(text string) string {
	text = strings.TrimSpace(strings.ToValidUTF8(text, ""))
	end := min(len(text), maxActor)
	for end > 0 && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// ActorProblem returns what is wrong with an actor that somebody gave, or "". field is
// what it was given as.
func ActorProblem(field, actor string) string {
	switch {
	case actor == "":
		return ""
	case len(actor) > maxActor:
		return fmt.Sprintf("%s has %d bytes; give a login name of at most %d", field, len(actor), maxActor)
	case !utf8.ValidString(actor), strings.ContainsFunc(actor,
		func(r rune) bool { return !unicode.IsPrint(r) }), strings.TrimSpace(actor) != actor:
		return fmt.Sprintf(
			"%s holds what cannot be printed, or blanks at its ends; give a login name such as ann@host", field)
	}
	return ""
}
