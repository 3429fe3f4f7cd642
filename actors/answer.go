package actors

import (
	"slices"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// maxEcho is how long the header fields may be that an answer echoes. What is longer is left out: the drachtio server fills it
// in from the request, and the answer stays small enough for its frame.
const maxEcho = 1000

// echo takes from a request the header fields that its answer repeats (RFC 3261 §8.2.6.2), Record-Route not among them
// (rule 6); Via and the tag of To are the server's work.
func echo(msg *sip.Request) []sip.Header {
	var headers []sip.Header
	size := 0
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		value, ok := msg.Value(name)
		if size += len(value); ok && size <= maxEcho {
			headers = append(headers, sip.Header{Name: name, Value: value})
		}
	}
	return headers
}

// encode writes the answer to a transaction. Should a value that came from outside not be fit to be written, the client is
// told 500 without it: that is better than to hear nothing.
func encode(echo []sip.Header, outcome registration.Outcome) string {
	response := sip.Response{Status: outcome.Status, Reason: outcome.Reason, Headers: slices.Concat(echo, outcome.Headers)}
	text, err := response.Encode()
	if err != nil {
		return internalError
	}
	return text
}

const internalError = "SIP/2.0 500 Server Internal Error\r\nContent-Length: 0\r\n\r\n"
