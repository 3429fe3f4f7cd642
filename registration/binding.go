package registration

import (
	"errors"
	"net/netip"
	"slices"
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

// identical tells whether two bindings are the same in every field.
func (b *Binding) identical(other *Binding) bool {
	return b.Contact.Identical(other.Contact) && b.CallID == other.CallID && b.CSeq == other.CSeq &&
		b.Registered.Equal(other.Registered) && b.Refreshed.Equal(other.Refreshed) && b.Expires.Equal(other.Expires) &&
		b.Granted == other.Granted && b.UserAgent == other.UserAgent && b.Flow == other.Flow && b.Grants == other.Grants &&
		b.Authorization == other.Authorization && b.RegID == other.RegID && slices.EqualFunc(b.Path, other.Path, sip.Address.Identical) &&
		b.BehindNAT == other.BehindNAT && b.Unreachable == other.Unreachable
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

// A State is everything the store holds for one AOR. Once made it is not changed: others share its memory.
type State struct {
	Version  int64 // 0 = nothing stored; grows with every change
	Bindings []Binding
	Removed  []Tombstone
}

// At returns the state as it reads at that time: expired bindings and tombstones left out. Where none has expired, that is the
// state itself.
func (s State) At(now time.Time) State {
	s.Bindings = living(s.Bindings, func(b *Binding) bool { return b.Expires.After(now) })
	s.Removed = living(s.Removed, func(t *Tombstone) bool { return t.Until.After(now) })
	return s
}

// living are those of a list that still live: all of it, or a new one.
func living[T any](all []T, lives func(*T) bool) []T {
	for i := range all {
		if lives(&all[i]) {
			continue
		}
		live := append([]T(nil), all[:i]...)
		for k := i + 1; k < len(all); k++ {
			if lives(&all[k]) {
				live = append(live, all[k])
			}
		}
		return live
	}
	return all
}

// Newest returns the binding that was refreshed last: the one that other programs are shown.
func (s State) Newest() (Binding, bool) {
	newest := -1
	for i := range s.Bindings {
		if newest < 0 || !s.Bindings[i].Refreshed.Before(s.Bindings[newest].Refreshed) { // of equals the last: it was added last
			newest = i
		}
	}
	if newest < 0 {
		return Binding{}, false
	}
	return s.Bindings[newest], true
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
