package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/notify"
)

// Webhook is where people are told of runs that need them.
type Webhook struct {
	// Format is one of notify.Formats.
	Format string
	// URL is as good as a password to the group that it leads to.
	URL Hidden
	// Secret signs messages; empty: they are not signed.
	Secret Hidden
}

// webhooks reads "FORMAT:URL", separated by white space; a robot's signing secret is
// the URL's fragment. Errors name a webhook by its place, since all of it is secret.
func webhooks(v string) ([]Webhook, error) {
	var hooks []Webhook
	for i, field := range strings.Fields(v) {
		hook, problem := webhook(field)
		if problem != "" {
			return nil, fmt.Errorf(
				"webhook %d %s; want %s: and the URL, such as "+
					"feishu:https://open.feishu.cn/open-apis/bot/v2/hook/…, several separated by spaces",
				i+1, problem, strings.Join(notify.Formats(), ":, "))
		}
		if slices.Contains(hooks, hook) {
			return nil, fmt.Errorf("webhook %d is listed twice; list each one once", i+1)
		}
		hooks = append(hooks, hook)
	}
	return hooks, nil
}

func webhook(field string) (hook Webhook, problem string) {
	format, address, _ := strings.Cut(field, ":")
	if !slices.Contains(notify.Formats(), format) {
		return Webhook{}, "does not begin with its format"
	}
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return Webhook{}, "has no http or https URL after its format"
	}
	secret := u.Fragment
	if secret != "" && format != "feishu" && format != "dingtalk" {
		return Webhook{}, "has a secret after #, which only feishu and dingtalk use"
	}
	u.Fragment, u.RawFragment = "", ""
	return Webhook{Format: format, URL: Hidden{u.String()}, Secret: Hidden{secret}}, ""
}
