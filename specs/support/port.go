package support

import (
	"math/rand/v2"
	"net"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// The ports that FreeAddress hands out lie below those that the kernel gives to outgoing connections, which could take one
// before its listener starts. Each process of the suite goes through a part of them that is its own, one by one, so that none
// is handed out twice before it is used.
const (
	firstPort = 20000
	parts     = 6
	ports     = 2000 // in each part
)

var handedOut = rand.IntN(ports)

// FreeAddress is a loopback address at which nobody listens.
func FreeAddress() string {
	GinkgoHelper()
	part := (GinkgoParallelProcess() - 1) % parts
	for {
		handedOut++
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+part*ports+handedOut%ports))
		listener, err := net.Listen("tcp", address)
		if err == nil {
			Expect(listener.Close()).To(Succeed())
			return address
		}
	}
}

// TakenAddress is a loopback address at which somebody listens, on UDP and TCP, until the spec ends.
func TakenAddress() string {
	GinkgoHelper()
	address := FreeAddress()
	listener, err := net.Listen("tcp", address)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(listener.Close)
	packets, err := net.ListenPacket("udp", address)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(packets.Close)
	return address
}

// PortOf is the port of an address.
func PortOf(address string) int {
	GinkgoHelper()
	_, text, err := net.SplitHostPort(address)
	Expect(err).NotTo(HaveOccurred())
	port, err := strconv.Atoi(text)
	Expect(err).NotTo(HaveOccurred())
	return port
}
