package registration

import (
	"time"

	"sbc-registrar/sip"
)

// Reject is the 403 for credentials that do not open this address of record. It is one answer for a wrong password, an
// unknown user, credentials of somebody else and a banned source, so that nobody learns from it which users there are.
func Reject(cause Cause) Outcome {
	outcome := Refuse(403, cause, sip.Header{Name: "X-Reason", Value: "Invalid credentials"})
	outcome.Guess = true
	return outcome
}

// Ban is the 403 for a source that is banned. It reads as Reject, and does not count as a further guess.
func Ban() Outcome {
	outcome := Reject(Outlawed)
	outcome.Deed, outcome.Guess = Banned, false
	return outcome
}

// Limit is the 503 for a source or an address of record that gets more REGISTERs than it may (rule 55).
func Limit(cause Cause, retryAfter time.Duration) Outcome {
	outcome := Unavailable(cause, retryAfter)
	outcome.Deed = Limited
	return outcome
}

// Full is the 503 for a user that its realm has no room for (rule 59). The reason phrase is what jambonz deployments know.
func Full(retryAfter time.Duration) Outcome {
	outcome := Unavailable("the realm has its maximum of users", retryAfter)
	outcome.Reason, outcome.Deed = "Max Devices Registered", Refused
	return outcome
}
