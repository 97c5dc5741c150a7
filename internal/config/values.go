package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/message"
)

// checkDatabaseURL knows Postgres' two forms of connection string: the URL and
// "key=value …". The parser's own error would show the password.
func checkDatabaseURL(v string) error {
	if strings.Contains(v, "://") {
		u, err := url.Parse(v)
		if err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") {
			return nil
		}
	} else if strings.Contains(v, "=") {
		return nil
	}
	return errors.New(
		"want postgres://user:password@host:5432/database, with special characters in the password percent-encoded")
}

func checkAddress(v string) error {
	if _, port, err := net.SplitHostPort(v); err != nil || port == "" {
		return errors.New("want host:port, such as 127.0.0.1:9464, or :9464 for all of the machine's addresses")
	}
	return nil
}

func checkWebURL(v string) error {
	if u, err := url.Parse(v); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return errors.New("want a URL such as http://temporal.example.com:8233")
	}
	return nil
}

func networks(v string) (all []netip.Prefix, err error) {
	for _, text := range strings.Split(v, ",") {
		network, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil || network != network.Masked() {
			return nil, errors.New("want networks such as 10.20.0.0/16 or fd00:1::/32, separated by commas")
		}
		all = append(all, network)
	}
	return all, nil
}

func languageNamed(v string) (message.Language, error) {
	named := message.Language(strings.ToLower(v))
	if !slices.Contains(message.Languages, named) {
		return "", errors.New("want en or zh")
	}
	return named, nil
}

func truth(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	default:
		return false, errors.New("want true or false")
	}
}

func duration(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return 0, errors.New("want a duration above zero with its unit, such as 45s or 2m")
	}
	return d, nil
}

// maxDays keeps ages within what Postgres and Go can count.
const maxDays = 36_500

// age is a duration that may be given in days; "forever" is zero.
func age(v string) (time.Duration, error) {
	if strings.EqualFold(v, "forever") {
		return 0, nil
	}
	if d, err := ParseDuration(v); err == nil && d > 0 && d <= maxDays*24*time.Hour {
		return d, nil
	}
	return 0, errors.New("want an age above zero, such as 90d or 12h, or forever")
}

// ParseDuration reads a duration as Go writes it, or a number of days, such as 90d.
func ParseDuration(v string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && max(n, -n) <= maxDays {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(v); err == nil {
		return d, nil
	}
	return 0, errors.New("want a number with its unit, such as 30m, 12h or 2d")
}

// maxCount refuses slips of the finger; no process can use more.
const maxCount = 10_000

func count(v string) (int, error) { return countFrom(1, v) }

func countFrom(least int, v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > maxCount {
		return 0, fmt.Errorf("want a whole number from %d to %d", least, maxCount)
	}
	return n, nil
}

// maxFactor refuses slips of the finger; no provider sells that much more.
const maxFactor = 1000

func factor(v string) (float64, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= maxFactor) {
		return 0, fmt.Errorf("want a number from 0 to %d, such as 0.5", maxFactor)
	}
	return f, nil
}

func level(v string) (slog.Level, error) {
	switch strings.ToLower(v) {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	default:
		return 0, errors.New("want debug, info, warn or error")
	}
}
