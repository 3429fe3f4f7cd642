package registration

import (
	"errors"
	"net/netip"
	"time"

	"sbc-registrar/sip"
)

// A Flow is the way on which a REGISTER reached us, as the drachtio server tells it.
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
}

// A Tombstone remembers a removed binding for a while, so that an older REGISTER that arrives late does not bring it back.
type Tombstone struct {
	Contact  sip.Address
	Wildcard bool // it was "Contact: *": it stands for every contact, and Contact is empty
	CallID   string
	CSeq     uint32
	Until    time.Time
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
	Use      NonceUse  // to be spent with it; zero = nothing
}

// Errors of a store that did not carry out a Change, and changed nothing.
var (
	ErrConflict = errors.New("the stored state is another than the one decided on")
	ErrLate     = errors.New("the deadline had passed")
)
