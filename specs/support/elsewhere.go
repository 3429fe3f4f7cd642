package support

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// PhoneAt is a UDP phone of somebody at another address of the loopback network, such as 127.0.0.2: another source.
func (s *Site) PhoneAt(source, user, password string) *Phone {
	GinkgoHelper()
	dialer := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(source)}}
	conn, err := dialer.Dial("udp", s.FrontEnd.SIP("udp"))
	Expect(err).NotTo(HaveOccurred(), "connect the phone from %s", source)
	DeferCleanup(conn.Close)
	return &Phone{
		User: user, Domain: Domain, Password: password,
		network: "udp", conn: conn, stream: bufio.NewReader(conn), callID: fmt.Sprintf("%016x", rand.Uint64()),
	}
}
