package support

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
)

// A Response is a SIP response as a client reads it.
type Response struct {
	Status int
	Reason string
	Header textproto.MIMEHeader
}

// String is the status line, for failure messages.
func (r Response) String() string { return fmt.Sprintf("%d %s %v", r.Status, r.Reason, r.Header) }

// Contacts are the bindings that a 200 lists: URI to seconds.
func (r Response) Contacts() map[string]int {
	bindings := map[string]int{}
	for _, value := range r.Header.Values("Contact") {
		for _, match := range contact.FindAllStringSubmatch(value, -1) {
			seconds, _ := strconv.Atoi(match[2]) // the pattern lets only digits through
			bindings[match[1]] = seconds
		}
	}
	return bindings
}

// answers tells whether this is the response to a request (RFC 3261 §8.1.3.2). One whose branch is known is told from another with
// the same CSeq.
func (r Response) answers(request Register) bool {
	return r.Header.Get("Call-ID") == request.CallID && strings.HasPrefix(r.Header.Get("CSeq"), fmt.Sprint(request.CSeq, " ")) &&
		strings.Contains(r.Header.Get("Via"), request.Branch)
}

var contact = regexp.MustCompile(`<([^>]*)>[^,<]*?;expires=(\d+)`)

// readResponse reads one response: from a datagram, or from the front of a stream.
func readResponse(from *bufio.Reader) (Response, error) {
	text := textproto.NewReader(from)
	line, err := text.ReadLine()
	if err != nil {
		return Response{}, err
	}
	version, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if version != "SIP/2.0" || err != nil {
		return Response{}, fmt.Errorf("no SIP response: %q", line)
	}
	header, err := text.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return Response{}, err
	}
	length, _ := strconv.Atoi(header.Get("Content-Length")) // absent: no body
	_, err = from.Discard(length)
	return Response{Status: status, Reason: reason, Header: header}, err
}
