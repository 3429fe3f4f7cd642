package drachtio

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

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

// A series is message ids that hold a number: UUIDs of our own making (RFC 9562 §5.8), the first part random and the same for
// all, the last one the number. What a reply is about is then found without a text to compare.
type series string

const (
	idLength     = len("xxxxxxxx-xxxx-8xxx-xxxx-xxxxxxxxxxxx")
	seriesLength = len("xxxxxxxx-xxxx-8xxx-xxxx-")
	idVersion    = len("xxxxxxxx-xxxx-")
)

func newSeries() series {
	id := []byte(newID())
	id[idVersion] = '8'
	return series(id[:seriesLength])
}

// append writes the id with that number, of which it holds 48 bits.
func (s series) append(to []byte, number uint64) []byte {
	var bytes [8]byte
	binary.BigEndian.PutUint64(bytes[:], number)
	return hex.AppendEncode(append(to, s...), bytes[2:])
}

// number reads an id back; false when it is not of this series.
func (s series) number(id []byte) (uint64, bool) {
	if len(id) != idLength || string(id[:seriesLength]) != string(s) {
		return 0, false
	}
	var bytes [8]byte
	_, err := hex.Decode(bytes[2:], id[seriesLength:])
	return binary.BigEndian.Uint64(bytes[:]), err == nil
}
