// Command receive takes deliveries of a webhook, verifies them and prints what they are.
//
// Usage: SECRET=whsec_… receive ADDRESS
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func main() {
	webhook, err := standardwebhooks.NewWebhook(os.Getenv("SECRET"))
	if err != nil {
		log.Fatal("SECRET is not what orgsync webhook add printed")
	}
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
		if err != nil || webhook.Verify(body, r.Header) != nil { // also of messages older than five minutes
			w.WriteHeader(http.StatusForbidden)
			return
		}
		var message struct {
			Type string
			Data struct{ Cursor string }
		}
		_ = json.Unmarshal(body, &message)
		// Store what is to be done under webhook-id, which is the same if the message comes again. Then answer.
		fmt.Println(r.Header.Get("webhook-id"), message.Type, message.Data.Cursor)
		w.WriteHeader(http.StatusNoContent)
	})))
}
