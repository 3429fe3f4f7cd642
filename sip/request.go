package sip

import (
	"bytes"
	"strings"
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

// ParseRequest reads one SIP request. The error says what makes the text no request: it wraps ErrTooLarge, ErrNotRequest
// or ErrURI. A header field whose name is no token is left out, for nobody can ask for it. The body ends where the text
// or its Content-Length ends.
//
// The request keeps nothing of raw: its strings are parts of one copy, which lives as long as one of them does.
func ParseRequest(raw []byte) (*Request, error) {
	if len(raw) > MaxMessage {
		return nil, ErrTooLarge
	}
	text := string(bytes.TrimLeft(raw, "\r\n")) // RFC 3261 §7.5: keep-alives before the request line
	line, text, err := cutLine(text)
	if err != nil {
		return nil, err
	}
	request := &Request{}
	if text, err = request.readHeaders(text); err != nil {
		return nil, err
	}
	if err := request.readRequestLine(line); err != nil {
		return nil, err
	}
	request.Body = request.cutBody(text)
	return request, nil
}

// cutLine cuts the first line off. Lines end with CR LF, the last one too: it is the empty line behind the header fields.
func cutLine(text string) (line, rest string, err error) {
	end := strings.IndexByte(text, '\r')
	switch {
	case end < 0 || end+1 == len(text):
		return "", "", because(ErrNotRequest, "it ends before the empty line")
	case text[end+1] != '\n':
		return "", "", because(ErrNotRequest, "a CR without LF")
	default:
		return text[:end], text[end+2:], nil
	}
}

// someHeaders is how many header fields there is room for at once, at most.
const someHeaders = 32

// readHeaders reads the header fields (RFC 3261 §7.3) to the empty line behind them and returns what follows that.
func (r *Request) readHeaders(text string) (rest string, err error) {
	r.Headers = make([]Header, 0, min(strings.Count(text, "\r\n"), someHeaders))
	for {
		line, rest, err := cutLine(text)
		if err != nil || line == "" {
			return rest, err
		}
		if line, text, err = unfold(line, rest); err != nil {
			return "", err
		}
		name, value, found := strings.Cut(line, ":")
		if !found {
			return "", because(ErrNotRequest, "a line that is neither a request line nor a header field")
		}
		if name = strings.TrimSpace(name); tokenBytes.holds(name) {
			r.Headers = append(r.Headers, Header{Name: name, Value: strings.Trim(clean(strings.TrimSpace(value)), " ")})
		}
	}
}

// unfold joins a line with those that continue it (RFC 3261 §7.3.1): they begin with white space.
func unfold(line, rest string) (unfolded, after string, err error) {
	if !continues(rest) {
		return line, rest, nil
	}
	var whole strings.Builder
	whole.WriteString(strings.TrimRight(line, " \t"))
	for continues(rest) {
		if line, rest, err = cutLine(rest); err != nil {
			return "", "", err
		}
		whole.WriteByte(' ')
		whole.WriteString(strings.Trim(line, " \t"))
	}
	return whole.String(), rest, nil
}

func continues(text string) bool { return text != "" && (text[0] == ' ' || text[0] == '\t') }

// readRequestLine reads Method SP Request-URI SP SIP-Version (RFC 3261 §7.1).
func (r *Request) readRequestLine(line string) (err error) {
	method, rest, _ := strings.Cut(line, " ")
	uri, version, _ := strings.Cut(rest, " ")
	if !tokenBytes.holds(method) || !strings.EqualFold(version, "SIP/2.0") || strings.IndexByte(uri, ':') < 0 {
		return because(ErrNotRequest, "a request line reads: method, URI, SIP/2.0")
	}
	r.Method = method
	if r.URI, err = ParseURI(uri); err != nil {
		return inField("Request-URI", err)
	}
	return nil
}

func (r *Request) cutBody(rest string) []byte {
	if value, ok := r.Value("Content-Length"); ok {
		if length, ok := parseDelta(value); ok && uint64(length) < uint64(len(rest)) {
			rest = rest[:length]
		}
	}
	if rest == "" {
		return nil
	}
	return []byte(rest)
}
