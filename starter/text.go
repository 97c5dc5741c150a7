package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// plain drops what is not printable from text that comes from outside, so that a
// name cannot steer the terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return -1
	}, s)
}

// grouped writes a figure with commas: 1,234,567.
func grouped[T int | int64](n T) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// counted writes a figure with what is counted: 1 page, 2 pages.
func counted[T int | int64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// moment writes a time in the local zone.
func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05-07:00") }

// stamp writes a time in the local zone, short, for tables.
func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// span writes a duration as exactly as people want it.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// length writes a duration that people set, without its zero ends: 72h.
func length(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// about writes how long ago or ahead something is, as exactly as matters: 40s, 5m, 7h, 12d.
func about(d time.Duration) string {
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
