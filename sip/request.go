package sip

import (
	"bytes"
	"errors"
	"io"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// MaxMessage is the longest SIP message in bytes that ParseRequest reads.
const MaxMessage = 64 << 10

// A Request is a SIP request: its request line and its header fields in order.
type Request struct {
	Method  string
	URI     URI
	Headers []Header
	Body    []byte
}

// parser in raw mode: no header field has a parser of its own there. It holds no state and is safe to share.
var parser = sipgo.NewParser(sipgo.WithHeadersParsers(map[string]sipgo.HeaderParser{}))

// ParseRequest reads one SIP request. The error says what makes the text no request: it wraps ErrTooLarge, ErrNotRequest
// or ErrURI. A header field whose name is no token is left out, for nobody can ask for it. The body ends where the text
// or its Content-Length ends.
func ParseRequest(raw []byte) (*Request, error) {
	if len(raw) > MaxMessage {
		return nil, ErrTooLarge
	}
	raw = bytes.TrimLeft(raw, "\r\n") // RFC 3261 §7.5: keep-alives before the request line
	message, size, err := parser.ParseHeaders(raw, false)
	if err != nil {
		return nil, because(ErrNotRequest, reasonOf(err))
	}
	parsed, isRequest := message.(*sipgo.Request)
	if !isRequest {
		return nil, because(ErrNotRequest, "a response")
	}
	request := &Request{Headers: headersOf(parsed)}
	line, _, _ := bytes.Cut(raw, []byte("\r\n"))
	if err := request.readRequestLine(string(line)); err != nil {
		return nil, err
	}
	request.Body = request.cutBody(raw[size:])
	return request, nil
}

// reasonOf puts the parser's errors in our own words, for its own quote the offending line: it can be an Authorization.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends before the empty line"
	case errors.Is(err, sipgo.ErrParseLineNoCRLF):
		return "a CR without LF"
	default:
		return "a line that is neither a request line nor a header field"
	}
}

func headersOf(parsed *sipgo.Request) []Header {
	fields := parsed.Headers()
	headers := make([]Header, 0, len(fields))
	for _, field := range fields {
		if tokenBytes.holds(field.Name()) {
			headers = append(headers, Header{Name: field.Name(), Value: strings.Trim(clean(field.Value()), " ")})
		}
	}
	return headers
}

// readRequestLine reads Method SP Request-URI SP SIP-Version (RFC 3261 §7.1) anew: the parser changes the method's case
// and does not keep the URI as written.
func (r *Request) readRequestLine(line string) (err error) {
	method, rest, _ := strings.Cut(line, " ")
	uri, version, _ := strings.Cut(rest, " ")
	if !tokenBytes.holds(method) || !strings.EqualFold(version, "SIP/2.0") {
		return because(ErrNotRequest, "a request line reads: method, URI, SIP/2.0")
	}
	r.Method = method
	if r.URI, err = ParseURI(uri); err != nil {
		return inField("Request-URI", err)
	}
	return nil
}

func (r *Request) cutBody(rest []byte) []byte {
	if value, ok := r.Value("Content-Length"); ok {
		if length, ok := parseDelta(value); ok && uint64(length) < uint64(len(rest)) {
			rest = rest[:length]
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return bytes.Clone(rest)
}
