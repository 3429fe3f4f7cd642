package support

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// PhoneAt is a UDP phone of User with a loopback address of its own.
func (s *Site) PhoneAt(local string) *Phone {
	GinkgoHelper()
	dialer := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(local)}}
	conn, err := dialer.Dial("udp", s.FrontEnd.SIP("udp"))
	Expect(err).NotTo(HaveOccurred(), "connect the phone at %s", local)
	DeferCleanup(conn.Close)
	return &Phone{
		User: User, Domain: Domain, Password: Password,
		network: "udp", conn: conn, stream: bufio.NewReader(conn), callID: fmt.Sprintf("%016x", rand.Uint64()),
	}
}
