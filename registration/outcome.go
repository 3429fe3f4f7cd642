package registration

import (
	"fmt"
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
	Limited      Deed = "limited" // too many of them: 503 (rule 55)
	Banned       Deed = "banned"  // too many failures before: 403 (rule 55)
)

// An Outcome is the final answer to one REGISTER and what has to be stored before it may be sent.
type Outcome struct {
	Status  int
	Reason  string       // "" = the phrase of the RFC
	Headers []sip.Header // beside those that every answer echoes
	Next    *State       // to be stored first, at the version that it carries; nil = nothing changes
	Deed    Deed
	Cause   string // for the log: why it was refused, or which contact was granted what; never sent
	Spammer bool   // the callback suspects the source; Cause is then the text that fail2ban filters match
	Guess   bool   // the credentials were good for nothing: it counts toward a ban of the source (rule 55)
}

// Refuse is an outcome that changes nothing.
func Refuse(status int, cause string, headers ...sip.Header) Outcome {
	return Outcome{Status: status, Headers: headers, Deed: Refused, Cause: cause}
}

// Unavailable is the outcome of a REGISTER that could not be decided or stored: 503 with a Retry-After in whole seconds.
func Unavailable(cause string, retryAfter time.Duration) Outcome {
	seconds := max(1, int(retryAfter/time.Second))
	return Outcome{
		Status:  503,
		Headers: []sip.Header{{Name: "Retry-After", Value: strconv.Itoa(seconds)}},
		Deed:    Failed,
		Cause:   cause,
	}
}

// Challenge is the outcome that asks for credentials: one WWW-Authenticate per challenge, in order of preference (RFC 8760 §2.4).
func Challenge(cause string, challenges ...sip.Challenge) Outcome {
	outcome := Outcome{Status: 401, Deed: Challenged, Cause: cause}
	for _, c := range challenges {
		outcome.Headers = append(outcome.Headers, sip.Header{Name: "WWW-Authenticate", Value: c.String()})
	}
	return outcome
}

// accept is a 200 that lists the bindings of the state as they are at that time (RFC 3261 §10.3 step 8).
func accept(now time.Time, state State, deed Deed, cause string) Outcome {
	outcome := Outcome{Status: 200, Deed: deed, Cause: cause}
	for _, b := range state.Bindings {
		outcome.Headers = append(outcome.Headers, sip.Header{Name: "Contact", Value: b.listed(now)})
	}
	outcome.Headers = append(outcome.Headers, sip.Header{Name: "Date", Value: now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")})
	return outcome
}

// listed writes the binding as a Contact of a 200, with the seconds that are left of its grant.
func (b Binding) listed(now time.Time) string {
	return fmt.Sprintf("%s;expires=%d", b.Contact, wholeSeconds(b.Refreshed.Add(b.Granted).Sub(now)))
}

// wholeSeconds rounds up and never says 0: that would tell the client that it is not registered.
func wholeSeconds(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}
