package interop_test

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/icholy/digest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
)

// A phone is a SIP client over UDP that is written down byte by byte.
type phone struct {
	conn net.Conn
	cseq int
}

func newPhone(server *edge.Server) *phone {
	GinkgoHelper()
	conn, err := net.Dial("udp", server.Addr(edge.UDP).String())
	Expect(err).To(Succeed())
	DeferCleanup(conn.Close)
	return &phone{conn: conn}
}

// register sends a REGISTER of daveh and returns the response to it.
func (p *phone) register(extra ...string) string {
	GinkgoHelper()
	p.cseq++
	lines := append([]string{
		"REGISTER sip:example.com SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport", p.conn.LocalAddr(), p.cseq),
		"Max-Forwards: 70",
		"From: <sip:daveh@example.com>;tag=c78875a130",
		"To: <sip:daveh@example.com>",
		"Call-ID: ab66fc349c48651407c8fa1a",
		fmt.Sprintf("CSeq: %d REGISTER", p.cseq),
		fmt.Sprintf("Contact: <sip:daveh@%s>", p.conn.LocalAddr()),
		"Expires: 600",
	}, extra...)
	_, err := p.conn.Write([]byte(strings.Join(append(lines, "Content-Length: 0", "", ""), "\r\n")))
	Expect(err).To(Succeed())
	datagram := make([]byte, 65536)
	Expect(p.conn.SetReadDeadline(time.Now().Add(patience))).To(Succeed())
	n, err := p.conn.Read(datagram)
	Expect(err).To(Succeed(), "a response to REGISTER %d", p.cseq)
	response := string(datagram[:n])
	Expect(field(response, "CSeq")).To(Equal(fmt.Sprintf("%d REGISTER", p.cseq)))
	return response
}

// registerWith answers the challenge of an earlier response.
func (p *phone) registerWith(password, challenged string) string {
	GinkgoHelper()
	challenge, err := digest.ParseChallenge(field(challenged, "WWW-Authenticate"))
	Expect(err).To(Succeed())
	credentials, err := digest.Digest(challenge, digest.Options{
		Method: "REGISTER", URI: "sip:example.com", Username: "daveh", Password: password, Count: 1, Cnonce: "6a86b577",
	})
	Expect(err).To(Succeed())
	return p.register("Authorization: " + credentials.String())
}

// field is the value of a header field, whatever the case of its name.
func field(message, name string) string {
	match := regexp.MustCompile(`(?im)^` + name + `: *(.*)\r$`).FindStringSubmatch(message)
	if match == nil {
		return ""
	}
	return match[1]
}
