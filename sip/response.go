package sip

import (
	"fmt"
	"strconv"
	"strings"
)

// A Response is a final response as the registrar builds it: no Via, no body (the drachtio server adds what is missing).
type Response struct {
	Status  int
	Reason  string // "" = the phrase of the RFC
	Headers []Header
}

// Encode writes the response: status line, header fields, Content-Length: 0, empty line. It refuses CR, LF, NUL and other
// control characters anywhere (ErrControlCharacter), header names that are no token and a Content-Length of the
// caller's (ErrHeaderName), and a status outside 200–699 (ErrStatus).
func (r Response) Encode() (string, error) {
	if r.Status < 200 || r.Status > 699 {
		return "", fmt.Errorf("response: %w", ErrStatus)
	}
	reason := strings.TrimSpace(r.Reason)
	if reason == "" {
		reason = ReasonPhrase(r.Status)
	}
	if hasControl(r.Reason) {
		return "", fmt.Errorf("response: %w in the reason phrase", ErrControlCharacter)
	}
	var out strings.Builder
	out.Grow(r.size(reason))
	out.WriteString("SIP/2.0 ")
	out.Write(strconv.AppendInt(make([]byte, 0, 3), int64(r.Status), 10))
	out.WriteByte(' ')
	out.WriteString(reason)
	out.WriteString("\r\n")
	for _, header := range r.Headers {
		if err := header.encode(&out); err != nil {
			return "", fmt.Errorf("response: %w", err)
		}
	}
	out.WriteString("Content-Length: 0\r\n\r\n")
	return out.String(), nil
}

// size is how long the response is in bytes.
func (r Response) size(reason string) int {
	size := len("SIP/2.0 200 \r\nContent-Length: 0\r\n\r\n") + len(reason)
	for _, header := range r.Headers {
		size += len(header.Name) + len(": ") + len(header.Value) + len("\r\n")
	}
	return size
}

func (h Header) encode(out *strings.Builder) error {
	switch {
	case !tokenBytes.holds(h.Name):
		return because(ErrHeaderName, "no token")
	case sameName(fullName(h.Name), "Content-Length"):
		return because(ErrHeaderName, "Content-Length is written here")
	case hasControl(h.Value):
		return fmt.Errorf("%w in %s", ErrControlCharacter, h.Name)
	}
	out.WriteString(h.Name)
	out.WriteString(": ")
	out.WriteString(h.Value)
	out.WriteString("\r\n")
	return nil
}

// reasonPhrases are those of RFC 3261 §21 and of the extensions that a registrar meets.
var reasonPhrases = map[int]string{
	200: "OK",
	202: "Accepted",
	204: "No Notification",
	300: "Multiple Choices",
	301: "Moved Permanently",
	302: "Moved Temporarily",
	305: "Use Proxy",
	380: "Alternative Service",
	400: "Bad Request",
	401: "Unauthorized",
	402: "Payment Required",
	403: "Forbidden",
	404: "Not Found",
	405: "Method Not Allowed",
	406: "Not Acceptable",
	407: "Proxy Authentication Required",
	408: "Request Timeout",
	410: "Gone",
	412: "Conditional Request Failed",
	413: "Request Entity Too Large",
	414: "Request-URI Too Long",
	415: "Unsupported Media Type",
	416: "Unsupported URI Scheme",
	420: "Bad Extension",
	421: "Extension Required",
	422: "Session Interval Too Small",
	423: "Interval Too Brief",
	424: "Bad Location Information",
	428: "Use Identity Header",
	429: "Provide Referrer Identity",
	430: "Flow Failed",
	433: "Anonymity Disallowed",
	436: "Bad Identity-Info",
	437: "Unsupported Certificate",
	438: "Invalid Identity Header",
	439: "First Hop Lacks Outbound Support",
	440: "Max-Breadth Exceeded",
	469: "Bad Info Package",
	470: "Consent Needed",
	480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist",
	482: "Loop Detected",
	483: "Too Many Hops",
	484: "Address Incomplete",
	485: "Ambiguous",
	486: "Busy Here",
	487: "Request Terminated",
	488: "Not Acceptable Here",
	489: "Bad Event",
	491: "Request Pending",
	493: "Undecipherable",
	494: "Security Agreement Required",
	500: "Server Internal Error",
	501: "Not Implemented",
	502: "Bad Gateway",
	503: "Service Unavailable",
	504: "Server Time-out",
	505: "Version Not Supported",
	513: "Message Too Large",
	555: "Push Notification Service Not Supported",
	580: "Precondition Failure",
	600: "Busy Everywhere",
	603: "Decline",
	604: "Does Not Exist Anywhere",
	606: "Not Acceptable",
	607: "Unwanted",
	608: "Rejected",
}

// ReasonPhrase returns the reason phrase of a status code, for an unknown one that of its class (RFC 3261 §7.2);
// never "".
func ReasonPhrase(status int) string {
	if phrase, known := reasonPhrases[status]; known {
		return phrase
	}
	switch status / 100 {
	case 2:
		return "Success"
	case 3:
		return "Redirection"
	case 4:
		return "Request Failure"
	case 5:
		return "Server Failure"
	case 6:
		return "Global Failure"
	default:
		return "Unknown"
	}
}
