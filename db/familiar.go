package db

import (
	"context"
	"math/big"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Digest stands for all that a provider's record of a person says. Two that differ are
// taken for different records.
type Digest [16]byte

// Familiar is what is known, for the time of reading them, of listings that are not
// what they were: their people as they were when last applied, by listing and digest.
// The zero value is not ready to use; make one for each batch. It is not safe for
// concurrent use.
type Familiar map[string]map[Digest]familiarPerson

// familiarPerson is somebody of whom the record is remembered.
type familiarPerson struct {
	member string
	// stored is what was stored for them then, as remembered_listings has it.
	stored int64
}

// look finds the people of listings that are not known yet.
func (s *Store) look(ctx context.Context, tx pgx.Tx, providerID string, listings []string, familiar Familiar) error {
	var wanted []string
	for _, listing := range listings {
		if familiar[listing] == nil {
			familiar[listing] = map[Digest]familiarPerson{}
			wanted = append(wanted, listing)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	rows, err := s.q.ListingsFamiliar(ctx, tx, wanted, providerID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		people := make(map[Digest]familiarPerson, len(row.Records))
		for i, record := range row.Records {
			digest, err := uuid.Parse(record)
			if err != nil {
				return err
			}
			people[Digest(digest)] = familiarPerson{member: row.Members[i], stored: row.Contents[i]}
		}
		familiar[row.Listing] = people
	}
	return nil
}

// digest stands for the page's people in any order: those of all its pages add up to
// that of the listing. Null if the listing cannot be recognised.
func (p MemberPage) digest() pgtype.Numeric {
	if !p.Recognisable || p.Bad > 0 {
		return pgtype.Numeric{}
	}
	sum := new(big.Int)
	for _, m := range p.People {
		sum.Add(sum, new(big.Int).SetBytes(m.Digest[:]))
	}
	return pgtype.Numeric{Int: sum, Valid: true}
}

var recognisedMemberColumns = []string{"run_id", "listing", "page", "person_keys", "members", "digests", "stored"}

// recogniseMembers splits a page's people into a row that names those who are as they
// were when last applied, none if nobody is, and the others, who are to be compared.
func recogniseMembers(p MemberPage, people map[Digest]familiarPerson) (row []any, others []StagedMember) {
	if len(people) == 0 {
		return nil, p.People
	}
	var keys, members []string
	var digests []pgtype.UUID
	var stored []int64
	twice := map[string]bool{}
	for _, m := range p.People {
		person, ok := people[m.Digest]
		switch {
		case !ok:
			others = append(others, m)
		case !twice[person.member]:
			twice[person.member] = true
			keys, members = append(keys, m.Key), append(members, person.member)
			digests, stored = append(digests, pgtype.UUID{Bytes: m.Digest, Valid: true}), append(stored, person.stored)
		}
	}
	if len(members) == 0 {
		return nil, others
	}
	return []any{p.RunID, p.Listing, int32(p.Number), keys, members, digests, stored}, others
}
