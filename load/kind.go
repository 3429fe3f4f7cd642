package load

import "math/rand/v2"

// A Kind says what a phone does, and what answer is right.
type Kind uint8

// The deeds.
const (
	Register      Kind = iota // a phone that has started: challenged, then 200
	Refresh                   // one that is registered goes on: one request when its nonce is accepted
	Unregister                // one that is registered goes
	Query                     // one that is registered asks for its bindings
	WrongPassword             // from elsewhere, in the name of a user: challenged, then 403
	Stranger                  // from elsewhere, in the name of nobody: challenged, then 403
	Probe                     // from elsewhere: it is challenged, and that is all
	kinds
)

var kindNames = [kinds]string{"register", "refresh", "unregister", "query", "wrongPassword", "stranger", "probe"}

// String is the name of a kind in reports.
func (k Kind) String() string { return kindNames[k] }

// intrudes tells whether the deed is somebody else's than the phone's: it comes from elsewhere and changes nothing.
func (k Kind) intrudes() bool { return k == WrongPassword || k == Stranger || k == Probe }

// mark is what the cnonce of a deed begins with, so that a callback can tell what it is asked about.
func (k Kind) mark() byte { return "rfuqwsp"[k] }

// kindOf is the kind that a cnonce is marked with.
func kindOf(cnonce string) (Kind, bool) {
	if len(cnonce) != cnonceBytes {
		return 0, false
	}
	for k := range kinds {
		if k.mark() == cnonce[0] {
			return k, true
		}
	}
	return 0, false
}

// cnonceBytes is the length of a cnonce: the mark and eight hex digits. It shares its transaction's number: a client must not
// use one twice with the same nonce, and need not keep it secret.
const cnonceBytes = 9

// choose picks a kind at random.
func (m Mix) choose(random *rand.Rand) Kind {
	if m == (Mix{}) {
		return Register
	}
	at := random.Float64()
	for _, part := range [...]struct {
		kind Kind
		size float64
	}{
		{Refresh, m.Refresh}, {Unregister, m.Unregister}, {Query, m.Query},
		{WrongPassword, m.WrongPassword}, {Stranger, m.Strangers}, {Probe, m.Probes},
	} {
		if at < part.size {
			return part.kind
		}
		at -= part.size
	}
	return Register
}
