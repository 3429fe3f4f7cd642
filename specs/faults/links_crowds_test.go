package faults_test

import (
	"net"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// A stranger connects to a registrar that listens, from an address of the loopback network that no server has.
const stranger = "127.0.0.2"

// connect opens a connection from a source; nil when the registrar's queue is full for a while.
func connect(source, to string) *net.TCPConn {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: 5 * time.Second}
	conn, err := dialer.Dial("tcp", to)
	if err != nil {
		return nil
	}
	tcp, _ := conn.(*net.TCPConn)
	return tcp
}

var _ = Describe("A registrar that listens, when everybody connects", func() {
	var (
		site  *Site
		calm  int // descriptors of a registrar that has nothing to do
		crowd *Crowd
	)

	BeforeEach(func() {
		site = NewListeningSite(nil)
		quiet(site)
		site.Start()
		Expect(site.Phone().Register()).To(HaveStatus(200))
		Eventually(site.FrontEnd.Links).Should(BeZero())
		calm = site.Registrar.Descriptors()
		crowd = site.StartCrowd("udp", 3)
	})

	// storm makes ten thousand connections, some at a time, and does something with each. They are closed at the end.
	storm := func(source string, with func(number int, conn *net.TCPConn)) {
		GinkgoHelper()
		const connections, atATime = 10_000, 8
		numbers := make(chan int)
		var storming sync.WaitGroup
		var mu sync.Mutex
		var open []*net.TCPConn
		for range atATime {
			storming.Go(func() {
				for number := range numbers {
					conn := connect(source, site.RegistrarAddress())
					if conn == nil {
						continue
					}
					with(number, conn)
					mu.Lock()
					open = append(open, conn)
					mu.Unlock()
				}
			})
		}
		most, threads := 0, 0
		for number := range connections {
			numbers <- number
			if number%500 == 0 {
				most, threads = max(most, site.Registrar.Descriptors()), max(threads, site.Registrar.Threads())
			}
		}
		close(numbers)
		storming.Wait()
		GinkgoWriter.Printf("%d connections, at most %d descriptors and %d threads\n", len(open), most, threads)
		Expect(len(open)).To(BeNumerically(">", connections*9/10), "connections that were made")
		Expect(most).To(BeNumerically("<=", 1024+100), "descriptors of the registrar")
		Expect(threads).To(BeNumerically("<", 100), "threads of the registrar")
		for _, conn := range open {
			_ = conn.Close()
		}
	}

	// expectServed tells that phones were served all the time, and that nothing is left of the storm.
	expectServed := func() {
		GinkgoHelper()
		before := crowd.Registered()
		Eventually(crowd.Registered).Should(BeNumerically(">", before), "phones are served")
		crowd.ExpectServed("phones")
		Eventually(site.Registrar.Descriptors).WithTimeout(30*time.Second).Should(BeNumerically("<=", calm+20), "nothing is left open")
		lines := 0
		for _, line := range site.Registrar.Logs() {
			if line["event"] == "link.rejected" {
				lines++
			}
		}
		Expect(lines).To(BeNumerically("<", 20), "lines about strangers")
	}

	DescribeTable("serves its phones while ten thousand strangers",
		func(with func(number int, conn *net.TCPConn)) {
			storm(stranger, with)
			expectServed()
		},
		Entry("say nothing", func(int, *net.TCPConn) {}),
		Entry("connect and reset", func(_ int, conn *net.TCPConn) {
			_ = conn.SetLinger(0)
			_ = conn.Close()
		}),
		Entry("hang up in the middle of it", func(number int, conn *net.TCPConn) {
			link := NewRogueLink(conn)
			switch number % 3 {
			case 0:
				link.Write("100#half a fra")
			case 1:
				link.Write("HTTP/1.1 200 OK\r\n\r\n")
			default:
				link.Agree("udp/127.0.0.1:5060")
			}
			link.Close()
		}),
		Entry("accept the secret and bring no request", func(_ int, conn *net.TCPConn) {
			NewRogueLink(conn).Agree("udp/127.0.0.1:5060") // or it was turned away
		}),
	)

	It("serves its phones while ten thousand of their server's own neighbours say nothing", func() {
		storm("127.0.0.1", func(int, *net.TCPConn) {})
		expectServed()
	})

	It("serves its phones while a server keeps a thousand requests open and confirms no answer", func() {
		request := site.Phone().Request()
		storm(stranger, func(number int, conn *net.TCPConn) {
			link := NewRogueLink(conn)
			if number < 2000 && link.Agree("udp/127.0.0.1:5060") {
				link.Hand(transactionNumber(number), "192.0.2.1:5060", request)
			}
		})
		expectServed()
	})
})
