package registration

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// ErrReplay is the error of a store that was asked to spend a nonce that another request has spent. Nothing was changed.
var ErrReplay = errors.New("the nonce was used before")

// ErrMade is the error of a store that was asked to carry out a request that it has carried out already: two nodes of a cluster work on
// one, when the first could not be heard any more. What was asked for is done; others may have changed it since.
var ErrMade = errors.New("the change of this request is made already")

// ErrTaken is the error of a store that was asked to change something for a request that another node works on.
var ErrTaken = errors.New("another node works on the request")

// A NonceUse is one use of a nonce. The store lets each pass once, whichever node asks (rule 37): (nonce, nc) belongs to
// the first request that comes with it, and for 64·T1 = 32 s to its retransmissions. Without this, whoever saw an
// Authorization could send it again with a Contact of his own: qop=auth does not cover the Contact.
type NonceUse struct {
	Nonce       string // the nonce's id; "" = there is nothing to spend
	Count       uint32 // nc
	Minted      time.Time
	Life        time.Duration // how long after Minted the nonce is good for nothing any more
	Request     string        // the same for a retransmission, different for any other request
	Transaction string        // the same while one request is worked on
	Node        string        // who works on it, where several nodes may; "" = there is one
}

// IsZero tells that there is nothing to spend.
func (u NonceUse) IsZero() bool { return u.Nonce == "" }

// Fingerprint is what a retransmission has in common with its request: source, order, credentials and all that the
// request asks for.
func (r *Request) Fingerprint() string {
	text := make([]byte, 0, 1024)
	text = r.Flow.Source.AppendTo(text)
	text = part(text, r.AOR.String())
	text = part(text, r.CallID)
	text = binary.BigEndian.AppendUint32(text, r.CSeq)
	for _, name := range []string{"Contact", "Expires", "Authorization", "Path", "Supported"} {
		text = append(text, byte(r.SIP.Count(name))) //nolint:gosec // nobody takes 256 of them
		for value := range r.SIP.All(name) {
			text = part(text, value)
		}
	}
	sum := sha256.Sum256(text)
	return string(base64.RawURLEncoding.AppendEncode(text[:0], sum[:]))
}

// part appends a text so that no two lists of them give one.
func part(to []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(text))), text...) //nolint:gosec // no header field is that long
}
