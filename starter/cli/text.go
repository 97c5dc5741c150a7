package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Plain drops what is not printable from text that comes from outside, so that a
// name cannot steer the terminal.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return -1
	}, s)
}

// Grouped writes a figure with commas: 1,234,567.
func Grouped[T int | int64](n T) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Counted writes a figure with what is counted: 1 page, 2 pages.
func Counted[T int | int64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Grouped(n) + " " + many
}

// Moment writes a time in the local zone.
func Moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05-07:00") }

// Stamp writes a time in the local zone, short, for tables.
func Stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// Span writes a duration as exactly as people want it.
func Span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// About writes how long ago or ahead something is, as exactly as matters: 40s, 5m, 7h, 12d.
func About(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dd", d/day)
	}
}

// Prefixed is a text behind a prefix, "" if the text is blank.
func Prefixed(prefix, text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return prefix + text
}

// OrElse is a text, or another where it is empty.
func OrElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// ShortID is as much of a run's id as people need to tell runs apart.
func ShortID(id string) string { return id[:min(8, len(id))] }

// Complete says whether a listing was read to the end.
func Complete(yes bool) string {
	if yes {
		return "complete"
	}
	return "incomplete"
}

// YesNo says whether something is so.
func YesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
