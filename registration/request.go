package registration

import (
	"time"

	"sbc-registrar/sip"
)

// A Request is a REGISTER as the rules need it: read once at the border, never changed afterwards.
type Request struct {
	Transaction string // the drachtio server's id of the transaction
	AOR         AOR
	SIP         *sip.Request
	Text        []byte // the SIP text as it came, for another node to read; not to be changed
	CallID      string
	CSeq        uint32
	Contacts    sip.Contacts
	Expires     *uint32          // the Expires header field in seconds, nil when absent
	Credentials *sip.Credentials // those for our realm, nil when there are none
	UserAgent   string
	Flow        Flow
	Use         NonceUse  // what an answer to it spends, once the nonce was checked
	Arrived     time.Time // when its frame was read
	Deadline    time.Time // by then the answer has left

	Path []sip.Address // as the proxies wrote it (rule 45)
	Lot  float64       // drawn for this request, 0 ≤ Lot < 1: where in the range of the jitter its grants fall (rule 23)
}

// A Verdict is what the callback said to one set of credentials.
type Verdict struct {
	OK        bool
	Message   string        // why not, for the log; never sent to the client
	Expires   time.Duration // at most this long; 0 = as requested
	Grants    Grants
	Valid     *time.Duration // refreshes may rest on it for so long, never longer than it grants; nil = as long (rule 53)
	AORs      []string       // addresses (user@host) or users of the same domain that the credentials may register beside their own
	Blacklist bool           // the source is a suspected spammer
	Headers   []sip.Header   // to be copied into the 403

	Remembered *Authorization // set by Absorb: the callback said so earlier
}
