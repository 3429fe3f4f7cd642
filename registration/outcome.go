package registration

import (
	"strconv"
	"time"

	"sbc-registrar/sip"
)

// A Deed names what a REGISTER did, for logs and listeners.
type Deed string

// The deeds.
const (
	Registered   Deed = "registered"
	Refreshed    Deed = "refreshed"
	Unregistered Deed = "unregistered"
	Queried      Deed = "queried"
	Repeated     Deed = "repeated" // a retransmission: nothing changed
	Challenged   Deed = "challenged"
	Refused      Deed = "refused"
	Failed       Deed = "failed"  // our side could not: 5xx
	Shed         Deed = "shed"    // turned away because too much is under way: 503 (P14)
	Limited      Deed = "limited" // too many of them: 503 (rule 55)
	Banned       Deed = "banned"  // too many failures before: 403 (rule 55)
)

// Deeds lists all of them.
func Deeds() []Deed {
	return []Deed{Registered, Refreshed, Unregistered, Queried, Repeated, Challenged, Refused, Failed, Shed, Limited, Banned}
}

// A Basis is what the acceptance of a REGISTER rests on.
type Basis string

// The bases.
const (
	Asked    Basis = "asked"    // the callback was asked about this very REGISTER
	Absorbed Basis = "absorbed" // what it said to an earlier one (rule 53)
	Survived Basis = "survived" // the same, since it could not be asked (rule 54)
	Unstored Basis = "unstored" // what this node remembers: the store could not be reached, and holds nothing of it
)

// An Outcome is the final answer to one REGISTER and what has to be stored before it may be sent.
type Outcome struct {
	Status  int
	Reason  string       // "" = the phrase of the RFC
	Headers []sip.Header // beside those that every answer echoes
	Next    *State       // to be stored first, at the version that it carries; nil = nothing changes
	Deed    Deed
	Basis   Basis  // for metrics and the log: on whose word it was accepted; "" when it was not
	Cause   Cause  // for metrics and the log: why it was not accepted; "" when it was; never sent
	Detail  string // for the log: what the Cause was about, or which contact was granted what; never sent
	Spammer bool   // the callback suspects the source; Detail is then the text that fail2ban filters match
	Guess   bool   // the credentials were good for nothing: it counts toward a ban of the source (rule 55)
}

// A Cause says in a few fixed words why a REGISTER was not accepted: one of few enough to be counted each for itself.
// What comes from outside stands in the Detail.
type Cause string

// The causes that more than one place knows; the others stand where they are found.
const (
	Malformed      Cause = "malformed"       // the SIP text, or a field of it, cannot be read
	NoCredentials  Cause = "no credentials"  // none for our realm (rule 10)
	CallbackFailed Cause = "callback failed" // nobody could tell what the callback thinks (rule 44)
	CallbackRefuse Cause = "callback said fail"
	StoreFailed    Cause = "store failed" // Redis could not, or did not tell (rule 26)
	DeadlinePassed Cause = "deadline passed"
	Overloaded     Cause = "overload" // it was shed (P14)
	Panicked       Cause = "panic"    // an actor failed over it
	Outlawed       Cause = "source is banned"
)

// Why is the cause with its detail, for the log.
func (o Outcome) Why() string {
	switch {
	case o.Cause == "":
		return o.Detail
	case o.Detail == "":
		return string(o.Cause)
	default:
		return string(o.Cause) + ": " + o.Detail
	}
}

// Because adds what the cause was about.
func (o Outcome) Because(detail string) Outcome {
	o.Detail = detail
	return o
}

// Refuse is an outcome that changes nothing.
func Refuse(status int, cause Cause, headers ...sip.Header) Outcome {
	return Outcome{Status: status, Headers: headers, Deed: Refused, Cause: cause}
}

// Unavailable is the outcome of a REGISTER that could not be decided or stored: 503 with a Retry-After in whole seconds.
func Unavailable(cause Cause, retryAfter time.Duration) Outcome {
	seconds := max(1, int(retryAfter/time.Second))
	return Outcome{
		Status:  503,
		Headers: []sip.Header{{Name: "Retry-After", Value: strconv.Itoa(seconds)}},
		Deed:    Failed,
		Cause:   cause,
	}
}

// Challenge is the outcome that asks for credentials: one WWW-Authenticate per challenge, in order of preference (RFC 8760 §2.4).
func Challenge(cause Cause, challenges ...sip.Challenge) Outcome {
	outcome := Outcome{Status: 401, Deed: Challenged, Cause: cause, Headers: make([]sip.Header, 0, len(challenges))}
	for _, c := range challenges {
		outcome.Headers = append(outcome.Headers, sip.Header{Name: "WWW-Authenticate", Value: c.String()})
	}
	return outcome
}

// wholeSeconds rounds up and never says 0: that would tell the client that it is not registered.
func wholeSeconds(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}
