// Command follow keeps a copy of the directory in a file by the change feed: follow URL TOKEN FILE.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	page, rows, after := map[string]any{}, map[string]any{}, "" // rows by kind and id; after: where to go on
	if text, err := os.ReadFile(os.Args[3]); err == nil && json.Unmarshal(text, &[]any{&after, &rows}) != nil {
		log.Fatal("the file is damaged: begin anew with after=now and the lists")
	}
	for {
		ask, _ := http.NewRequest("GET", os.Args[1]+"/api/v1/changes?limit=200&wait=30s"+after, nil)
		ask.Header.Set("Authorization", "Bearer "+os.Args[2])
		answer, err := http.DefaultClient.Do(ask)
		if err != nil || answer.StatusCode != 200 || json.NewDecoder(answer.Body).Decode(&page) != nil {
			log.Fatal("no answer; start again: it goes on behind what is kept. After 410: begin anew with the lists")
		}
		answer.Body.Close()
		for _, item := range page["items"].([]any) {
			event := item.(map[string]any)
			kind, what, _ := strings.Cut(event["type"].(string), ".")
			key := kind + " " + event["object"].(map[string]any)["id"].(string)
			rows[key] = event["object"]
			if what == "deleted" && (strings.HasSuffix(kind, "membership") || kind == "administrator") {
				delete(rows, key)
			}
		}
		after = "&after=" + page["next"].(string) // kept together with the rows: killed in between, nothing is lost
		text, _ := json.Marshal([]any{after, rows})
		if os.WriteFile(os.Args[3]+".new", text, 0o600) != nil || os.Rename(os.Args[3]+".new", os.Args[3]) != nil {
			log.Fatal("the file cannot be written")
		}
	}
}
