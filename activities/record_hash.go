package activities

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// hashRecords gives each member the hash of all that their record says.
func hashRecords(people []db.StagedMember) error {
	for i := range people {
		m := people[i]
		m.Memberships = slices.SortedFunc(slices.Values(m.Memberships), func(a, b directory.Membership) int {
			return cmp.Compare(a.DepartmentID, b.DepartmentID)
		})
		record, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("hash a record: %w", err)
		}
		// What another release would make of the same record may differ.
		hash := sha256.Sum256(append(record, release()...))
		// So much of a hash that two differing records have one by chance is out of the question.
		people[i].Hash = db.RecordHash(hash[:])
	}
	return nil
}

// release names the program's version and source, as far as the build says.
var release = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	name := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" || setting.Key == "vcs.modified" {
			name += " " + setting.Value
		}
	}
	return name
})
