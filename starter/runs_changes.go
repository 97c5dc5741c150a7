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
	ID      string   `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	Kind    []string `placeholder:"KIND,KIND" help:"Only changes of these kinds: created, updated, moved, restored, deactivated, deleted, linked."`
	Type    []string `placeholder:"TYPE,TYPE" help:"Only changes of these: member, department, membership."`
	Members []string `aliases:"member" placeholder:"ID,ID" help:"Only changes of these people and their memberships, by the provider's ids."`
}

var (
	changeKinds = []string{"created", "updated", "moved", "restored", "deactivated", "deleted", "linked"}
	changeTypes = []string{"member", "department", "membership"}
)

// Help implements kong.HelpProvider.
func (runsChanges) Help() string {
	return `Shows each change with the name of the person or department, even if they have been deleted since. For a held run it shows what was changed, and then what approving it would remove. The change log contains personal data: names, e-mail addresses and phone numbers before and after.

Examples:

  orgsync runs changes 4f1c
  orgsync runs changes 4f1c --kind deleted --type member
  orgsync runs changes 4f1c --members u-7 --output json`
}

// which is what the command is limited to.
func (c runsChanges) which() (db.ChangesOf, error) {
	for _, flag := range []struct {
		name         string
		given, known []string
	}{{"kind", c.Kind, changeKinds}, {"type", c.Type, changeTypes}} {
		for _, one := range flag.given {
			if !slices.Contains(flag.known, one) {
				return db.ChangesOf{}, misuse("--%s is %q; it must be one of %s", flag.name, one, strings.Join(flag.known, ", "))
			}
		}
	}
	if err := checkIDs(nil, c.Members); err != nil {
		return db.ChangesOf{}, err
	}
	return db.ChangesOf{Kinds: c.Kind, Types: c.Type, Members: c.Members}, nil
}

// Run implements the command. It holds one change at a time: there may be millions.
func (c runsChanges) Run(ctx context.Context, s *session) error {
	which, err := c.which()
	if err != nil {
		return err
	}
	store, run, err := s.openRun(ctx, c.ID)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.stdout)
	if s.json {
		err = s.streamChanges(ctx, store, run, which, out)
	} else {
		err = listChanges(ctx, store, run, which, out, behind(s.stdout).width)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// changesOf calls each for what the run changed and, if it is held, for what it would
// remove.
func changesOf(ctx context.Context, store *db.Store, run db.Run, which db.ChangesOf, each func(db.Change) error) error {
	err := store.Changes(ctx, run.ID, which, each)
	if err != nil || run.Status != directory.RunHeld {
		return err
	}
	return store.Removals(ctx, run.ID, which, each)
}

func (s *session) streamChanges(ctx context.Context, store *db.Store, run db.Run, which db.ChangesOf, out *bufio.Writer) error {
	before := "[\n"
	err := changesOf(ctx, store, run, which, func(change db.Change) error {
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

func listChanges(ctx context.Context, store *db.Store, run db.Run, which db.ChangesOf, out io.Writer, width int) error {
	n := 0
	err := changesOf(ctx, store, run, which, func(change db.Change) error {
		n++
		lead := fmt.Sprintf("%-11s %-10s ", kindOf(change), change.ObjectType)
		text := strings.TrimRight(plain(change.ExternalID)+"  "+changeText(change), " ")
		_, err := fmt.Fprintln(out, strings.Join(foldBehind(lead, text, width), "\n"))
		return err
	})
	if err != nil || n > 0 {
		return err
	}
	nothing := "The run changed nothing."
	if len(which.Kinds)+len(which.Types)+len(which.Members) > 0 {
		nothing = "The run made no such change."
	}
	if run.DetailsDroppedAt != nil {
		nothing = "The change log was " + detailsDropped(run) + "."
	}
	_, err = fmt.Fprintln(out, nothing)
	return err
}

func kindOf(change db.Change) string {
	if change.Planned {
		return "to remove"
	}
	return change.Kind
}

// changeText says whom or what a change is about, and what it did.
func changeText(change db.Change) string {
	about, was := change.Name, fields(change.Before)
	if change.ObjectType == "membership" {
		about += " in " + change.DepartmentPath + " (" + change.Department + ")"
	}
	if change.Planned { // before is what it is now, of which this is told already
		delete(was, "name")
		if change.ObjectType == "membership" {
			clear(was)
		}
	}
	return strings.TrimLeft(plain(about)+"  "+differing(was, fields(change.After)), " ")
}

// difference writes what differs between two JSON objects: "name: "a" -> "b"".
// Whole provider records are only named.
func difference(before, after json.RawMessage) string {
	return differing(fields(before), fields(after))
}

func differing(was, is map[string]json.RawMessage) string {
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
