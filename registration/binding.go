package registration

import (
	"errors"
	"net/netip"
	"time"

	"sbc-registrar/sip"
)

// A Flow is the way on which a REGISTER reached us, as the drachtio server tells it (rule 52).
type Flow struct {
	Protocol          string         // udp, tcp, tls, ws, wss: by the topmost Via, for drachtio says tcp for WebSockets
	Source            netip.AddrPort // where the datagram or connection came from
	Received          netip.AddrPort // the local address of the drachtio server that received it
	SBCAddress        string         // the comma list that the drachtio server announced, byte for byte
	PrivateSBCAddress string         // ip:port of its first tcp address in the private networks, "" when there is none
}

// Grants are what the callback allows a user beyond being registered; other programs read them in Redis.
type Grants struct {
	CallHook         string
	CallStatusHook   string
	AllowDirectApp   bool
	AllowDirectQueue bool
	AllowDirectUser  bool
}

// A Binding ties an AOR to one contact until it expires (RFC 3261 §10).
type Binding struct {
	Contact    sip.Address // as registered, without its expires parameter
	CallID     string
	CSeq       uint32
	Registered time.Time     // first registered; refreshes keep it
	Refreshed  time.Time     // the newest change
	Granted    time.Duration // what the 200 said
	Expires    time.Time     // when Redis forgets it; never before Refreshed+Granted
	UserAgent  string
	Flow       Flow
	Grants     Grants

	Authorization Authorization // what absorbed refreshes rest on (rule 53)
	RegID         uint32        // of Outbound: with the instance it is the key; 0 = the URI is (rule 46)
	Path          []sip.Address // the proxies on the way to the client, in their order (rule 45)
	BehindNAT     bool          // the client is reached by its flow alone (rule 51)
	Unreachable   bool          // nobody is expected at its flow any more (rule 31)
}

// A Tombstone remembers a removed binding for a while, so that an older REGISTER that arrives late does not bring it back.
type Tombstone struct {
	Contact  sip.Address
	Wildcard bool // it was "Contact: *": it stands for every contact, and Contact is empty
	CallID   string
	CSeq     uint32
	Until    time.Time

	Instance string // with RegID the key of a binding of Outbound, as in Binding
	RegID    uint32
}

// A State is everything the store holds for one AOR.
type State struct {
	Version  int64 // 0 = nothing stored; grows with every change
	Bindings []Binding
	Removed  []Tombstone
}

// At returns the state as it reads at that time: expired bindings and tombstones left out.
func (s State) At(now time.Time) State {
	live := State{Version: s.Version}
	for _, b := range s.Bindings {
		if b.Expires.After(now) {
			live.Bindings = append(live.Bindings, b)
		}
	}
	for _, t := range s.Removed {
		if t.Until.After(now) {
			live.Removed = append(live.Removed, t)
		}
	}
	return live
}

// Newest returns the binding that was refreshed last: the one that other programs are shown.
func (s State) Newest() (Binding, bool) {
	var newest Binding
	found := false
	for _, b := range s.Bindings {
		if !found || !b.Refreshed.Before(newest.Refreshed) { // of equals the last: it was added last
			newest, found = b, true
		}
	}
	return newest, found
}

// A Change is one atomic update of the store: it takes effect only while the stored version is still Next.Version and
// the deadline has not passed.
type Change struct {
	AOR      AOR
	Next     State     // what to store; its Version is the one the decision was made on
	Now      time.Time // the moment of the decision: lifetimes count from it
	Deadline time.Time // after it the change must not take effect: its REGISTER has been answered otherwise
	MaxUsers int       // the change must not bring its realm a user beyond so many (rule 59); 0 = no maximum
	Use      NonceUse  // to be spent with it; zero = nothing
}

// Errors of a store that did not carry out a Change, and changed nothing.
var (
	ErrStale = errors.New("the stored state is another than the one decided on")
	ErrLate  = errors.New("the deadline had passed")
	ErrFull  = errors.New("the realm has its maximum of users")
)
