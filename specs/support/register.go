package support

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"
)

// A Register is a REGISTER to be sent. Fields are put into the text as they are, so that it can be wrong in any way.
type Register struct {
	Method   string   // "" = REGISTER
	URI      string   // the Request-URI
	To, From string   // the values of these header fields
	CallID   string   //
	CSeq     int      //
	Branch   string   // of the Via; "" = a new one each time that it is sent
	Contacts []string // one header field each
	Expires  string   // "" = no such header field
	Headers  []string // further header fields, whole lines
}

// Text writes the request for one transport.
func (r Register) Text(transport, local string) string {
	method := r.Method
	if method == "" {
		method = "REGISTER"
	}
	lines := []string{
		fmt.Sprintf("%s %s SIP/2.0", method, r.URI),
		fmt.Sprintf("Via: SIP/2.0/%s %s;rport;branch=%s", transport, local, cmp.Or(r.Branch, newBranch())),
		"Max-Forwards: 70",
		"From: " + r.From,
		"To: " + r.To,
		"Call-ID: " + r.CallID,
		fmt.Sprintf("CSeq: %d %s", r.CSeq, method),
	}
	for _, contact := range r.Contacts {
		lines = append(lines, "Contact: "+contact)
	}
	if r.Expires != "" {
		lines = append(lines, "Expires: "+r.Expires)
	}
	lines = append(lines, r.Headers...)
	return strings.Join(append(lines, "User-Agent: specs", "Content-Length: 0", "", ""), "\r\n")
}

func newBranch() string { return fmt.Sprintf("z9hG4bK%016x", rand.Uint64()) }

// A Change makes a REGISTER differ from what a phone sends by itself.
type Change func(*Register)

// WithExpires sets the Expires header field; "" leaves it out.
func WithExpires(seconds string) Change { return func(r *Register) { r.Expires = seconds } }

// WithContact sets the values of the Contact header fields; none leaves them out.
func WithContact(contacts ...string) Change { return func(r *Register) { r.Contacts = contacts } }

// WithHeader adds a header field as a whole line.
func WithHeader(line string) Change {
	return func(r *Register) { r.Headers = append(r.Headers, line) }
}

// WithURI sets the Request-URI.
func WithURI(uri string) Change { return func(r *Register) { r.URI = uri } }

// WithTo sets the value of To.
func WithTo(to string) Change { return func(r *Register) { r.To = to } }

// WithCSeq sets the CSeq number.
func WithCSeq(number int) Change { return func(r *Register) { r.CSeq = number } }

// WithCallID sets the Call-ID.
func WithCallID(id string) Change { return func(r *Register) { r.CallID = id } }

// WithMethod makes it no REGISTER at all.
func WithMethod(method string) Change { return func(r *Register) { r.Method = method } }
