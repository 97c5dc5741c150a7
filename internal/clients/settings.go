package clients

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/orgsync/orgsync/internal/document"
	"github.com/orgsync/orgsync/internal/provider"
)

// Hidden stands for a secret wherever settings are shown. Given back in an update
// it means "as it is".
const Hidden = "***"

// IsSecret reports whether a setting must be sealed.
func IsSecret(key string) bool { return strings.Contains(key, "secret") }

// placeholders are values that people forget to replace, such as those of examples.
var placeholders = regexp.MustCompile(
	`(?i)^(your[-_ ].*|my[-_]app[-_]?(id|key|secret)|x{3,}|\*+|<.*>|\{.*\}|\$\{?.*\}?|change[-_ ]?me|placeholder|todo|none|null|.*….*|.*\.\.\.)$`)

// Parse reads a provider's configuration document: a JSON object of strings with
// the vendor's keys or their aliases. It returns the settings by their proper
// names. Errors name the key and say what would be right; they never show values.
// Kept are the secrets already stored, by name: Hidden is accepted for those. It is nil for a new
// provider, which has no setting that an empty one could take away.
func Parse(vendor provider.Vendor, text []byte, kept map[string]bool) (provider.Settings, error) {
	raw, err := document.Object(text)
	if errors.Is(err, document.ErrNotObject) {
		return nil, fmt.Errorf(`config: %w; it should look like {"%s": "...", ...}`, err, vendor.Keys[0].Name)
	}
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	settings := provider.Settings{}
	for _, given := range slices.Sorted(maps.Keys(raw)) {
		key, ok := find(vendor, given)
		if !ok {
			return nil, fmt.Errorf("config: unknown key %q for type %s; known keys: %s", given, vendor.Type,
				known(vendor))
		}
		if _, twice := settings[key.Name]; twice {
			return nil, fmt.Errorf("config: %s is given twice, as %q and under another of its names", key.Name, given)
		}
		var value string
		if err := json.Unmarshal(raw[given], &value); err != nil {
			return nil, fmt.Errorf("config: %s must be a string in quotes", given)
		}
		value = strings.TrimSpace(value)
		if value == "" && kept == nil && !key.Required {
			return nil, fmt.Errorf("config: %s is empty; give it a value, or leave it out", given)
		}
		if err := check(key, value, kept[key.Name]); err != nil {
			return nil, err
		}
		settings[key.Name] = value
	}
	return settings, nil
}

// Validate checks that the settings are complete. They may hold Hidden for secrets
// that are stored already.
func Validate(vendor provider.Vendor, settings provider.Settings) error {
	for _, key := range vendor.Keys {
		if key.Required && settings[key.Name] == "" && settings[key.InsteadOf] == "" {
			return fmt.Errorf("config: %s is missing: %s", key.Name, key.Help)
		}
	}
	if vendor.Validate != nil {
		if err := vendor.Validate(settings); err != nil {
			return fmt.Errorf("config: %w", err)
		}
	}
	return nil
}

// Split divides settings into those stored as they are and the secrets.
func Split(settings provider.Settings) (public, secrets map[string]string) {
	public, secrets = map[string]string{}, map[string]string{}
	for key, value := range settings {
		if IsSecret(key) {
			secrets[key] = value
		} else {
			public[key] = value
		}
	}
	return public, secrets
}

func check(key provider.Key, text string, stored bool) error {
	switch {
	case text == Hidden && stored:
		return nil
	case text == "":
		if key.Required {
			return fmt.Errorf("config: %s is empty: %s", key.Name, key.Help)
		}
		return nil
	case placeholders.MatchString(text):
		return fmt.Errorf("config: %s still holds a placeholder; put in the real value: %s", key.Name, key.Help)
	case strings.ContainsAny(text, " \t\r\n"):
		return fmt.Errorf("config: %s contains white space", key.Name)
	case document.Invisible(text) != "":
		return fmt.Errorf("config: %s holds %s; retype it or copy it again", key.Name, document.Invisible(text))
	case strings.HasSuffix(key.Name, "_url"):
		if !isAddress(text) {
			return fmt.Errorf("config: %s must be an address such as %s, without user, query and fragment", key.Name,
				cmp.Or(key.Default, "https://host"))
		}
	case key.Check != nil:
		if err := key.Check(text); err != nil {
			return fmt.Errorf("config: %s %w: %s", key.Name, err, key.Help)
		}
	}
	return nil
}

// isAddress tells whether an API may be called at text. Errors about it must not repeat it: it may carry a
// password.
func isAddress(text string) bool {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	_, err = strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16)
	return err == nil
}

func find(vendor provider.Vendor, name string) (provider.Key, bool) {
	for _, key := range vendor.Keys {
		if key.Name == name || slices.Contains(key.Aliases, name) {
			return key, true
		}
	}
	return provider.Key{}, false
}

func known(vendor provider.Vendor) string {
	names := make([]string, len(vendor.Keys))
	for i, key := range vendor.Keys {
		names[i] = key.Name
	}
	return strings.Join(names, ", ")
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
