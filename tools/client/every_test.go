//go:build generated

package client

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orgsync/orgsync/tools/client/generated"
)

// objects are ids of what is stored, by the word by which an operation's name tells them.
type objects map[string]uuid.UUID

// of returns the id for an operation.
func (o objects) of(operation string) uuid.UUID {
	for _, noun := range []string{"Webhook", "Run", "Token", "Department", "Group", "Member"} {
		if strings.Contains(operation, noun) {
			return o[noun]
		}
	}
	return o["Member"]
}

// callAll calls every operation of the generated client but the one that the test ends with:
// lists must be there, and nothing may be an error of the server.
func callAll(t *testing.T, c *generated.ClientWithResponses, ids objects) {
	client := reflect.ValueOf(c)
	var operations, deleting []string
	for i := range client.NumMethod() {
		operation, is := strings.CutSuffix(client.Type().Method(i).Name, "WithResponse")
		switch {
		case !is || strings.HasSuffix(operation, "WithBody") || operation == "DeleteProvider":
		case strings.HasPrefix(operation, "Delete"):
			deleting = append(deleting, operation)
		default:
			operations = append(operations, operation)
		}
	}
	called := 0
	for _, operation := range append(operations, deleting...) {
		call := client.MethodByName(operation + "WithResponse")
		in := []reflect.Value{reflect.ValueOf(t.Context())}
		for n := 1; n < call.Type().NumIn()-1; n++ {
			in = append(in, argument(call.Type().In(n), ids.of(operation)))
		}
		out := call.Call(in)
		called++
		if err, failed := out[1].Interface().(error); failed {
			t.Errorf("%s: %v", operation, err)
			continue
		}
		status := out[0].MethodByName("StatusCode").Call(nil)[0].Interface().(int)
		reads := strings.HasPrefix(operation, "List") || strings.HasPrefix(operation, "Preview")
		if status >= http.StatusInternalServerError || reads && status != http.StatusOK {
			t.Errorf("%s: %d: %s", operation, status, out[0].Elem().FieldByName("Body").Bytes())
		}
	}
	if called < 40 {
		t.Errorf("only %d operations were called", called)
	}
}

// argument is one of a call: an id, a name, or parameters and bodies with nothing in them.
func argument(kind reflect.Type, id uuid.UUID) reflect.Value {
	switch {
	case kind == reflect.TypeFor[uuid.UUID]():
		return reflect.ValueOf(id)
	case kind.Kind() == reflect.String:
		return reflect.ValueOf("client")
	case kind.Kind() == reflect.Pointer:
		return reflect.New(kind.Elem())
	default:
		return reflect.New(kind).Elem()
	}
}
