package db

import (
	"math/big"

	"github.com/jackc/pgx/v5/pgtype"
)

// RecordHash is a hash of all that a provider's record of a member says. Two records that
// differ have different hashes.
type RecordHash [16]byte

// hash is the hash of a page: the sum of its records' hashes. The pages of a listing
// add up to the listing's hash, in whatever order its members come. Null if the listing
// must be compared each time.
func (p MemberPage) hash() pgtype.Numeric {
	if !p.Hashed || p.Bad > 0 {
		return pgtype.Numeric{}
	}
	sum := new(big.Int)
	for _, m := range p.People {
		sum.Add(sum, new(big.Int).SetBytes(m.Hash[:]))
	}
	return pgtype.Numeric{Int: sum, Valid: true}
}
