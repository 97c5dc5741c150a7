package simulator

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
)

// Codec turns small numbers into ids that look random and back again, so that a
// company of a million people needs no table of ids. Codecs of different
// secrets yield different ids for the same number.
type Codec struct{ block cipher.Block }

// NewCodec returns the codec of a secret.
func NewCodec(secret string) *Codec {
	key := sha256.Sum256([]byte(secret))
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		panic("simulator: " + err.Error()) // impossible: the key has 16 bytes
	}
	return &Codec{block: block}
}

func (c *Codec) seal(n int) (out [aes.BlockSize]byte) {
	var in [aes.BlockSize]byte
	binary.BigEndian.PutUint64(in[8:], uint64(n))
	c.block.Encrypt(out[:], in[:])
	return out
}

// open refuses every block that seal did not make.
func (c *Codec) open(b []byte) (int, bool) {
	if len(b) != aes.BlockSize {
		return 0, false
	}
	var out [aes.BlockSize]byte
	c.block.Decrypt(out[:], b)
	if binary.BigEndian.Uint64(out[:8]) != 0 {
		return 0, false
	}
	n := binary.BigEndian.Uint64(out[8:])
	return int(n), n>>48 == 0
}

// Hex encodes n as prefix and 32 hexadecimal digits.
func (c *Codec) Hex(prefix string, n int) string {
	b := c.seal(n)
	return prefix + hex.EncodeToString(b[:])
}

// FromHex is the inverse of Hex.
func (c *Codec) FromHex(prefix, id string) (int, bool) {
	digits, ok := strings.CutPrefix(id, prefix)
	if !ok {
		return 0, false
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return 0, false
	}
	return c.open(b)
}

func (c *Codec) base64(suffix string, n int) string {
	b := c.seal(n)
	return base64.RawURLEncoding.EncodeToString(b[:]) + suffix
}

func (c *Codec) fromBase64(suffix, id string) (int, bool) {
	digits, ok := strings.CutSuffix(id, suffix)
	if !ok {
		return 0, false
	}
	b, err := base64.RawURLEncoding.DecodeString(digits)
	if err != nil {
		return 0, false
	}
	return c.open(b)
}

// roleOffset puts role ids above 2^31 (dingtalk.md §11).
const roleOffset = 3_935_000_100

// GroupID is the group's external id at a vendor: DingTalk's role id, Feishu's "id",
// WeCom's tag id.
func (c *Company) GroupID(t directory.ProviderType, g GroupID) string {
	switch t {
	case directory.Feishu:
		return fmt.Sprintf("g%06d", g)
	case directory.DingTalk:
		return strconv.Itoa(int(g) + roleOffset)
	default:
		return strconv.Itoa(int(g))
	}
}

// ParseGroupID is the inverse of GroupID. The group it names need not exist any more, or
// ever have existed.
func (c *Company) ParseGroupID(t directory.ProviderType, id string) (GroupID, bool) {
	digits, ok := id, true
	if t == directory.Feishu {
		digits, ok = strings.CutPrefix(id, "g")
	}
	n, err := strconv.Atoi(digits)
	if t == directory.DingTalk {
		n -= roleOffset
	}
	if !ok || err != nil || n < 1 || n > maxObjects || c.GroupID(t, GroupID(n)) != id {
		return 0, false
	}
	return GroupID(n), true
}

// scramble and unscramble are a bijection on 32 bits: consecutive people do not
// get consecutive Feishu user ids.
const (
	scramble   uint32 = 2654435761
	unscramble uint32 = 244002641
)

// dingtalkOffset keeps DingTalk's department ids apart from the other vendors':
// a mix-up shows at once.
const dingtalkOffset = 900_000_000

// dingtalkUnionSuffix is how union ids end in all samples (dingtalk.md §9).
const dingtalkUnionSuffix = "iEiE"

// wecomPrefixes give userids capitals and punctuation, which both are allowed
// and compared without case (wecom.md §3.3).
var wecomPrefixes = [...]string{"ZhangWei", "li.na", "Ada-", "w_"}

// DepartmentID is the department's external id at a vendor: Feishu
// open_department_id (root "0"), DingTalk and WeCom the decimal id (root "1").
func (c *Company) DepartmentID(t directory.ProviderType, d Dept) string {
	switch {
	case t == directory.Feishu && d == Root:
		return "0"
	case t == directory.Feishu:
		return c.departmentIDs.Hex("od-", int(d))
	case t == directory.DingTalk && d != Root:
		return strconv.Itoa(int(d) + dingtalkOffset)
	default:
		return strconv.Itoa(int(d))
	}
}

// ParseDepartmentID is the inverse of DepartmentID. The department it names need
// not exist any more, or ever have existed.
func (c *Company) ParseDepartmentID(t directory.ProviderType, id string) (Dept, bool) {
	var n int
	ok := true
	switch {
	case t == directory.Feishu && id == "0":
		n = int(Root)
	case t == directory.Feishu:
		n, ok = c.departmentIDs.FromHex("od-", id)
	default:
		var err error
		n, err = strconv.Atoi(id)
		ok = err == nil
		if t == directory.DingTalk && n != int(Root) {
			n -= dingtalkOffset
		}
	}
	if !ok || n < 1 || n > maxObjects || c.DepartmentID(t, Dept(n)) != id {
		return 0, false
	}
	return Dept(n), true
}

// userID is the id that the bearer of number n has: Feishu user_id, DingTalk and
// WeCom userid.
func (c *Company) userID(t directory.ProviderType, n int32) string {
	switch t {
	case directory.Feishu:
		b := binary.BigEndian.AppendUint32(nil, uint32(n)*scramble)
		return hex.EncodeToString(b)
	case directory.DingTalk:
		if n%5 == 0 {
			return "manager" + strconv.Itoa(int(n))
		}
		return fmt.Sprintf("%010d", int(n)+1_000_000) // leading zeros are real (dingtalk.md §3.1)
	default:
		return wecomPrefixes[int(n)%len(wecomPrefixes)] + strconv.Itoa(int(n))
	}
}

// parseUserID is the inverse of userID. WeCom ids are compared without case.
func (c *Company) parseUserID(t directory.ProviderType, id string) (int32, bool) {
	var n int
	switch t {
	case directory.Feishu:
		b, err := hex.DecodeString(id)
		if err != nil || len(b) != 4 {
			return 0, false
		}
		n = int(binary.BigEndian.Uint32(b) * unscramble)
	case directory.DingTalk:
		digits, manager := strings.CutPrefix(id, "manager")
		n, _ = strconv.Atoi(digits)
		if !manager {
			n -= 1_000_000
		}
	default:
		n, _ = strconv.Atoi(id[len(strings.TrimRight(id, "0123456789")):])
	}
	if n < 1 || n > maxObjects {
		return 0, false
	}
	made := c.userID(t, int32(n))
	return int32(n), made == id || t == directory.WeCom && strings.EqualFold(made, id)
}

// UserID is the person's external id at a vendor: Feishu user_id, DingTalk and
// WeCom userid. It is empty for a leaver whose id another person took over.
func (c *Company) UserID(t directory.ProviderType, p Person) string {
	if p.bears == noNumber {
		return ""
	}
	return c.userID(t, p.bears)
}

// UnionID is the person's union id at a vendor, which stays through every change
// of other ids; empty at WeCom, which has none.
func (c *Company) UnionID(t directory.ProviderType, p PersonID) string {
	switch t {
	case directory.Feishu:
		return c.unionIDs.Hex("on_", int(p))
	case directory.DingTalk:
		return c.unionIDs.base64(dingtalkUnionSuffix, int(p))
	default:
		return ""
	}
}

// ParseUnionID is the inverse of UnionID.
func (c *Company) ParseUnionID(t directory.ProviderType, id string) (PersonID, bool) {
	var n int
	var ok bool
	switch t {
	case directory.Feishu:
		n, ok = c.unionIDs.FromHex("on_", id)
	case directory.DingTalk:
		n, ok = c.unionIDs.fromBase64(dingtalkUnionSuffix, id)
	default:
	}
	return PersonID(n), ok && n > 0 && n <= maxObjects
}

// Number is what the person's user ids are made of, 0 for a leaver whose id another person took over.
func (p Person) Number() int { return int(p.bears) }
