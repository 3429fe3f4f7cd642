package drachtio

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"

	"github.com/google/uuid"
)

// newID makes a message id, a random UUID (RFC 9562 §5.4). Ids need to differ on one connection, not to be secret: the
// runtime's generator does, and costs no system call.
func newID() string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	id[6] = id[6]&0x0F | 0x40
	id[8] = id[8]&0x3F | 0x80
	return id.String()
}

// A series is the random part of message ids that hold a number besides: UUIDs of our own making (RFC 9562 §5.8). A reply then
// tells which answer it is about without a text that would have to be kept.
type series string

// idLength is the length of an id; its last 12 digits are the number.
const idLength = len("xxxxxxxx-xxxx-8xxx-xxxx-xxxxxxxxxxxx")

func newSeries() series {
	id := newID()
	return series(id[:14] + "8" + id[15:24])
}

// append writes the id with that number, of which it holds 48 bits.
func (s series) append(to []byte, number uint64) []byte {
	bytes := binary.BigEndian.AppendUint64(nil, number)
	return hex.AppendEncode(append(to, s...), bytes[2:])
}

// number reads an id back; false when it is not of this series.
func (s series) number(id []byte) (number uint64, ok bool) {
	if len(id) != idLength || string(id[:len(s)]) != string(s) {
		return 0, false
	}
	number, err := strconv.ParseUint(string(id[len(s):]), 16, 64)
	return number, err == nil
}
