package drachtio

import (
	"encoding/binary"
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
