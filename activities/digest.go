package activities

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// digest gives each person one that stands for all that their record says.
func digest(people []db.StagedMember) {
	var d digester
	for i := range people {
		d.buf = d.buf[:0]
		// What another release would make of the same records may differ.
		d.text(release())
		d.member(people[i])
		hash := sha256.Sum256(d.buf)
		// So much of a hash that two differing records have one by chance is out of the question.
		people[i].Digest = db.Digest(hash[:])
	}
}

// digester writes values one behind the other, each with its length, so that no two
// records are written alike.
type digester struct{ buf []byte }

func (d *digester) member(m db.StagedMember) {
	d.text(m.Key)
	d.text(m.TranslitFull)
	d.text(m.TranslitInitial)
	d.text(m.ExternalID)
	d.flag(&m.ExternalIDIsFallback)
	d.text(m.UnionID)
	d.text(m.OpenID)
	for _, field := range []*string{m.Name, m.Email, m.Phone, m.AvatarURL, m.Title, (*string)(m.Status)} {
		d.optional(field)
	}
	d.flag(m.Activated)
	d.text(string(m.Raw))
	d.texts(m.RawKeeps)
	places := slices.SortedFunc(slices.Values(m.Memberships), func(a, b directory.Membership) int { return cmp.Compare(a.DepartmentID, b.DepartmentID) })
	for _, place := range places {
		d.text(place.DepartmentID)
		d.number(place.PrimaryRank)
		d.flag(place.Leader)
		d.number(place.SortOrder)
	}
}

func (d *digester) text(s string) {
	d.buf = binary.AppendUvarint(d.buf, uint64(len(s)))
	d.buf = append(d.buf, s...)
}

func (d *digester) texts(list []string) {
	d.buf = binary.AppendUvarint(d.buf, uint64(len(list)))
	for _, s := range list {
		d.text(s)
	}
}

func (d *digester) optional(s *string) {
	d.present(s != nil)
	if s != nil {
		d.text(*s)
	}
}

func (d *digester) number(n *int64) {
	d.present(n != nil)
	if n != nil {
		d.buf = binary.AppendVarint(d.buf, *n)
	}
}

func (d *digester) flag(b *bool) {
	d.present(b != nil)
	if b != nil {
		d.present(*b)
	}
}

func (d *digester) present(is bool) {
	if is {
		d.buf = append(d.buf, 1)
	} else {
		d.buf = append(d.buf, 0)
	}
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
