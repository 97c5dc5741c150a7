package dingtalk

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// params are the parameters in a request's body, JSON or form (dingtalk.md §1).
type params struct {
	json map[string]any
	form url.Values
}

// maxBody is more than any request of a client needs.
const maxBody = 1 << 20

func readParams(r *http.Request) params {
	if r.Body == nil {
		return params{}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return params{}
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ := url.ParseQuery(string(body)) // what can be read counts
		return params{form: form}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var p params
	if dec.Decode(&p.json) != nil {
		return params{}
	}
	return p
}

// text is a parameter as text, empty if it is missing or neither text nor number.
func (p params) text(name string) string {
	switch v := p.json[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return p.form.Get(name)
}

// number is a whole number; a JSON string of digits counts as one (dingtalk.md §1).
func (p params) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(p.text(name), 10, 64)
	return n, err == nil
}
