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

// wholeSeconds rounds up and never says 0: that would tell the client that it is not registered.
func wholeSeconds(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}
