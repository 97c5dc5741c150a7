package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

type runsChanges struct {
	ID string `arg:"" help:"The run's id, or as much of its beginning as is unique."`
}

// Help implements kong.HelpProvider.
func (runsChanges) Help() string {
	return `Of a held run it shows what was changed and then what approving it would remove. The change log holds personal data: names, e-mail addresses and phone numbers before and after.

Examples:

  orgsync runs changes 4f1c
  orgsync runs changes 4f1c --output json`
}

// Run implements the command. It holds one change at a time: there may be millions.
func (c runsChanges) Run(ctx context.Context, s *session) error {
	store, run, err := s.openRun(ctx, c.ID)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.stdout)
	if s.json {
		err = s.streamChanges(ctx, store, run, out)
	} else {
		err = listChanges(ctx, store, run, out)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// changesOf calls each for what the run changed and, if it is held, for what it would
// remove.
func changesOf(ctx context.Context, store *db.Store, run db.Run, each func(db.Change) error) error {
	err := store.Changes(ctx, run.ID, each)
	if err != nil || run.Status != directory.RunHeld {
		return err
	}
	return store.Removals(ctx, run.ID, each)
}

func (s *session) streamChanges(ctx context.Context, store *db.Store, run db.Run, out *bufio.Writer) error {
	before := "[\n"
	err := changesOf(ctx, store, run, func(change db.Change) error {
		line, err := json.Marshal(change)
		if err != nil {
			return fmt.Errorf("print change: %w", err)
		}
		s.printed = true
		_, err = out.WriteString(before + string(line))
		before = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	s.printed = true
	if before == "[\n" {
		before = "["
	}
	_, err = out.WriteString(strings.TrimSuffix(before, ",\n") + "]\n")
	return err
}

func listChanges(ctx context.Context, store *db.Store, run db.Run, out io.Writer) error {
	n := 0
	err := changesOf(ctx, store, run, func(change db.Change) error {
		n++
		if change.Planned {
			change.Kind = "to remove"
		}
		_, err := fmt.Fprintf(out, "%-11s %-10s %s  %s\n", change.Kind, change.ObjectType, plain(change.ExternalID), difference(change.Before, change.After))
		return err
	})
	if err != nil || n > 0 {
		return err
	}
	nothing := "The run changed nothing."
	if run.DetailsDroppedAt != nil {
		nothing = "The change log was " + detailsDropped(run) + "."
	}
	_, err = fmt.Fprintln(out, nothing)
	return err
}

// difference writes what differs between two JSON objects: "name: "a" -> "b"".
// Whole provider records are only named.
func difference(before, after json.RawMessage) string {
	was, is := fields(before), fields(after)
	keys := maps.Clone(was)
	maps.Copy(keys, is)
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		switch {
		case bytes.Equal(was[key], is[key]):
		case key == "raw_data":
			parts = append(parts, "raw_data changed")
		case was[key] == nil:
			parts = append(parts, fmt.Sprintf("%s: %s", key, is[key]))
		case is[key] == nil:
			parts = append(parts, fmt.Sprintf("%s was %s", key, was[key]))
		default:
			parts = append(parts, fmt.Sprintf("%s: %s -> %s", key, was[key], is[key]))
		}
	}
	return plain(strings.Join(parts, ", "))
}

// fields are an object's fields; null ones count as not there.
func fields(object json.RawMessage) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	if json.Unmarshal(object, &all) != nil {
		return map[string]json.RawMessage{} // no object: a side of the change that does not exist
	}
	maps.DeleteFunc(all, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	return all
}
