package message

import (
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// phrase is a sentence about a provider in both languages. {} stands for what differs.
type phrase struct {
	english *regexp.Regexp
	chinese string
}

var phrases = loadPhrases()

func loadPhrases() (all []phrase) {
	var document struct{ Phrases [][2]string }
	if _, err := toml.DecodeFS(files, "findings.zh.toml", &document); err != nil {
		panic(err) // compiled in
	}
	for _, p := range document.Phrases {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(p[0]), `\{\}`, "(.+?)")
		all = append(all, phrase{regexp.MustCompile("^" + pattern + "$"), p[1]})
	}
	return all
}

// refusal is the text of a provider's error: provider, code, problem, call.
var refusal = regexp.MustCompile(`^(Feishu|DingTalk|WeCom)( \S+)?: (.+?)( \([^()]*\))?$`)

// Finding says in the reader's language what testing a provider found. What the catalogue does not
// have stays as it is: a provider's own words do, for example.
func (l Language) Finding(text string) string {
	if l != Chinese {
		return text
	}
	for _, p := range phrases {
		if found := p.english.FindStringSubmatch(text); found != nil {
			out := p.chinese
			for _, part := range found[1:] {
				out = strings.Replace(out, "{}", l.Finding(part), 1)
			}
			return out
		}
	}
	if found := refusal.FindStringSubmatch(text); found != nil {
		return vendorNames[found[1]] + found[2] + "：" + l.Finding(found[3]) + found[4]
	}
	parts := strings.Split(text, "; ")
	if len(parts) == 1 {
		return text
	}
	for i, part := range parts {
		parts[i] = l.Finding(part)
	}
	return strings.Join(parts, "；")
}

var vendorNames = map[string]string{"Feishu": "飞书", "DingTalk": "钉钉", "WeCom": "企业微信"}
