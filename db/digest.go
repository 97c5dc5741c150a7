package db

import (
	"math/big"

	"github.com/jackc/pgx/v5/pgtype"
)

// Digest is a hash of all that a provider's record of a member says. Two records that
// differ have different hashes.
type Digest [16]byte

// digest is the hash of a page: the sum of its records' hashes. The pages of a listing
// add up to the listing's hash, in whatever order its members come. Null if the listing
// must be compared each time.
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
