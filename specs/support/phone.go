package support

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/icholy/digest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// answerTime bounds the wait for a final answer: more than the deadline of a REGISTER.
const answerTime = 10 * time.Second

// A Phone is one SIP client on one socket: it sends exactly what it is told, once, and reads what comes back.
type Phone struct {
	User, Domain, Password string

	network string // udp or tcp
	conn    net.Conn
	stream  *bufio.Reader
	kept    []Response // not asked for yet
	callID  string
	cseq    int
}

// NewPhone connects a phone to a front end: network is udp or tcp.
func NewPhone(network, address, user, domain, password string) *Phone {
	GinkgoHelper()
	conn, err := net.Dial(network, address)
	Expect(err).NotTo(HaveOccurred(), "connect the phone")
	DeferCleanup(conn.Close)
	return &Phone{
		User: user, Domain: domain, Password: password,
		network: network, conn: conn, stream: bufio.NewReader(conn), callID: fmt.Sprintf("%016x", rand.Uint64()),
	}
}

// AOR is user@domain.
func (p *Phone) AOR() string { return p.User + "@" + p.Domain }

// Contact is the URI at which the phone listens.
func (p *Phone) Contact() string {
	uri := "sip:" + p.User + "@" + p.Address()
	if p.network == "tcp" {
		uri += ";transport=tcp"
	}
	return uri
}

// Address is the phone's own host:port.
func (p *Phone) Address() string { return p.conn.LocalAddr().String() }

// Request is the next REGISTER of this phone, with changes, without credentials.
func (p *Phone) Request(changes ...Change) Register {
	p.cseq++
	r := Register{
		URI:      "sip:" + p.Domain,
		To:       "<sip:" + p.AOR() + ">",
		From:     fmt.Sprintf("<sip:%s>;tag=%08x", p.AOR(), rand.Uint32()),
		CallID:   p.callID,
		CSeq:     p.cseq,
		Contacts: []string{"<" + p.Contact() + ">"},
		Expires:  "3600",
	}
	for _, change := range changes {
		change(&r)
	}
	return r
}

// Send sends a request and does not wait.
func (p *Phone) Send(r Register) {
	GinkgoHelper()
	_, err := io.WriteString(p.conn, r.Text(strings.ToUpper(p.network), p.Address()))
	Expect(err).NotTo(HaveOccurred(), "send a request")
}

// Try sends a request and waits for its answer so long at most: false when there is none.
func (p *Phone) Try(r Register, within time.Duration) (Response, bool) {
	GinkgoHelper()
	p.Send(r)
	response, err := p.receive(time.Now().Add(within), r)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return Response{}, false
	}
	Expect(err).NotTo(HaveOccurred(), "wait for the answer to CSeq %d", r.CSeq)
	return response, true
}

// Answer waits for the final answer to a request.
func (p *Phone) Answer(r Register) Response {
	GinkgoHelper()
	response, err := p.receive(time.Now().Add(answerTime), r)
	Expect(err).NotTo(HaveOccurred(), "wait for the answer to CSeq %d", r.CSeq)
	return response
}

// Silence tells that nothing more arrives for a while.
func (p *Phone) Silence(while time.Duration) {
	GinkgoHelper()
	Expect(p.conn.SetReadDeadline(time.Now().Add(while))).To(Succeed())
	_, err := p.stream.Peek(1)
	Expect(err).To(MatchError(ContainSubstring("timeout")), "nothing more is sent to the phone")
	p.stream.Reset(p.conn)
}

// Do sends a request and waits for its answer.
func (p *Phone) Do(r Register) Response {
	GinkgoHelper()
	p.Send(r)
	return p.Answer(r)
}

// Challenge sends a request without credentials and returns the 401. Who is new is sent away first where there is more to do than can be
// done, such as on a machine that runs other specs: like a phone it comes again, a few times, and not that much later.
func (p *Phone) Challenge(changes ...Change) Response {
	GinkgoHelper()
	response := p.Do(p.Request(changes...))
	for range 5 {
		if response.Status != 503 || response.Header.Get("Retry-After") == "" {
			break
		}
		<-time.After(200 * time.Millisecond)
		response = p.Do(p.Request(changes...))
	}
	Expect(response).To(HaveStatus(401))
	return response
}

// Register registers as a phone does: it sends the request, answers the challenge, and returns the final answer. When the first
// answer is no challenge, that is the final one.
func (p *Phone) Register(changes ...Change) Response {
	GinkgoHelper()
	response := p.Do(p.Request(changes...))
	if response.Status != 401 {
		return response
	}
	return p.Do(p.Authorized(response, changes...))
}

// Authorized is the next REGISTER with credentials for the challenge of a response.
func (p *Phone) Authorized(challenged Response, changes ...Change) Register {
	GinkgoHelper()
	return p.AuthorizedAgain(challenged, 1, changes...)
}

// AuthorizedAgain is Authorized with a nonce count of its own: so many times the nonce is used, this one included.
func (p *Phone) AuthorizedAgain(challenged Response, count int, changes ...Change) Register {
	GinkgoHelper()
	r := p.Request(changes...)
	r.Headers = append(r.Headers, "Authorization: "+p.credentials(challenged, count, r))
	return r
}

func (p *Phone) credentials(challenged Response, count int, r Register) string {
	GinkgoHelper()
	challenge, err := digest.ParseChallenge(challenged.Header.Get("WWW-Authenticate"))
	Expect(err).NotTo(HaveOccurred(), "read the challenge of %v", challenged)
	method := r.Method
	if method == "" {
		method = "REGISTER"
	}
	credentials, err := digest.Digest(challenge, digest.Options{
		Method: method, URI: r.URI, Username: p.User, Password: p.Password, Count: count,
		Cnonce: Secret, // marks the credentials: they are not to be written anywhere either
	})
	Expect(err).NotTo(HaveOccurred(), "compute the digest")
	return credentials.String()
}

// receive waits for the answer to one request; answers to others are kept for those who will ask for them.
func (p *Phone) receive(deadline time.Time, r Register) (Response, error) {
	if err := p.conn.SetReadDeadline(deadline); err != nil {
		return Response{}, err
	}
	for {
		for i, response := range p.kept {
			if response.answers(r) {
				p.kept = append(p.kept[:i], p.kept[i+1:]...)
				return response, nil
			}
		}
		response, err := p.next()
		if err != nil {
			return Response{}, err
		}
		if response.Status < 200 {
			return Response{}, fmt.Errorf("a REGISTER was answered provisionally: %v", response)
		}
		p.kept = append(p.kept, response)
	}
}

func (p *Phone) next() (Response, error) {
	if p.network == "tcp" {
		return readResponse(p.stream)
	}
	datagram := make([]byte, 65535)
	n, err := p.conn.Read(datagram)
	if err != nil {
		return Response{}, err
	}
	return readResponse(bufio.NewReader(bytes.NewReader(datagram[:n])))
}
