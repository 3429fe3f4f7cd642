package support

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// settleTime is how long an answer too many is waited for.
const settleTime = 100 * time.Millisecond

// A ControlPort plays the control port of a drachtio server to registrars that connect, and nothing else: a spec says what
// requests have arrived, byte for byte, with no SIP stack in between that would refuse or repair them.
type ControlPort struct {
	listener net.Listener

	mu        sync.Mutex
	links     map[net.Conn]struct{}
	routed    net.Conn            // the registrar that wants REGISTERs, nil when there is none
	delivered int                 // requests so far
	answers   map[string][]string // what came back: transaction to SIP texts
}

// StartControlPort starts one.
func StartControlPort() *ControlPort {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	c := &ControlPort{listener: listener, links: map[net.Conn]struct{}{}, answers: map[string][]string{}}
	var serving sync.WaitGroup
	serving.Go(func() { c.acceptAll(&serving) })
	DeferCleanup(func() {
		_ = listener.Close()
		c.closeAll()
		serving.Wait()
	})
	return c
}

// Address is where a registrar connects.
func (c *ControlPort) Address() string { return c.listener.Addr().String() }

// Deliver hands a request to the registrar and returns its transaction: text came from source by transport, which is udp, tcp or ws.
func (c *ControlPort) Deliver(transport, source, text string) string {
	GinkgoHelper()
	host, port, err := net.SplitHostPort(source)
	Expect(err).NotTo(HaveOccurred(), "the source of a request")
	if transport == "ws" {
		transport = "tcp" // as drachtio says: only the Via tells
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	Expect(c.routed).NotTo(BeNil(), "a registrar wants REGISTERs")
	c.delivered++
	transaction := fmt.Sprintf("00000000-0000-4000-8000-%012d", c.delivered)
	err = writeFrame(c.routed, fmt.Sprintf("%s|sip|network|%d|%s|%s|%s|06:13:35.879289|%s||127.0.0.1|5060|\r\n%s",
		transaction, len(text), transport, host, port, transaction, text))
	Expect(err).NotTo(HaveOccurred(), "hand a request to the registrar")
	return transaction
}

// Answers are the final answers to a transaction, as the registrar sent them.
func (c *ControlPort) Answers(transaction string) []Response {
	GinkgoHelper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var answers []Response
	for _, text := range c.answers[transaction] {
		response, err := readResponse(bufio.NewReader(strings.NewReader(text)))
		Expect(err).NotTo(HaveOccurred(), "read the answer %q", text)
		answers = append(answers, response)
	}
	return answers
}

// Ask delivers a request and waits for its answer.
func (c *ControlPort) Ask(transport, source, text string) Response {
	GinkgoHelper()
	transaction := c.Deliver(transport, source, text)
	Eventually(c.Answers).WithArguments(transaction).WithTimeout(answerTime).ShouldNot(BeEmpty(), "the registrar answers")
	return c.Answers(transaction)[0]
}

// ExpectOneAnswerEach tells that every request has exactly one answer, also a moment later.
func (c *ControlPort) ExpectOneAnswerEach() {
	GinkgoHelper()
	Eventually(c.counts).Should(HaveEach(1), "every request is answered")
	Consistently(c.counts).WithTimeout(settleTime).Should(HaveEach(1), "one answer for each request")
}

// counts are the numbers of answers per request.
func (c *ControlPort) counts() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := make([]int, 0, c.delivered)
	for _, answers := range c.answers {
		counts = append(counts, len(answers))
	}
	return append(counts, make([]int, c.delivered-len(counts))...)
}

func (c *ControlPort) acceptAll(serving *sync.WaitGroup) {
	for {
		link, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		c.links[link] = struct{}{}
		c.mu.Unlock()
		serving.Go(func() { c.serve(link) })
	}
}

func (c *ControlPort) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for link := range c.links {
		_ = link.Close()
	}
}

// serve executes what a registrar sends until it closes.
func (c *ControlPort) serve(link net.Conn) {
	reader := bufio.NewReader(link)
	for {
		message, err := readFrame(reader)
		if err != nil {
			break
		}
		fields := strings.SplitN(message, "|", 4)
		if len(fields) < 2 || !c.execute(link, fields) {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.routed == link {
		c.routed = nil
	}
	delete(c.links, link)
	_ = link.Close()
}

// execute does what one message says, and tells whether it could reply.
func (c *ControlPort) execute(link net.Conn, fields []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	reply := "OK"
	switch fields[1] {
	case "authenticate":
		reply = "OK|udp/127.0.0.1:5060,tcp/127.0.0.1:5060|v0.9.10|udp/127.0.0.1:5060,tcp/127.0.0.1:5060"
	case "route":
		c.routed = link
	case "ping":
		reply = "OK|pong"
	case "sip":
		reply = c.note(fields)
	}
	return writeFrame(link, fmt.Sprintf("%s|response|%s|%s", fields[0], fields[0], reply)) == nil
}

// note keeps an answer and returns the reply of a server that has sent it.
func (c *ControlPort) note(fields []string) string {
	if len(fields) < 4 {
		return "NOK|no message"
	}
	text := strings.TrimLeft(fields[3], "|\r\n")
	c.answers[fields[2]] = append(c.answers[fields[2]], text)
	return fmt.Sprintf("OK|application|%d||127.0.0.1|5060|06:13:35.882650|%s|||Msg sent:|\r\n%s", len(text), fields[2], text)
}

func writeFrame(to net.Conn, message string) error {
	_, err := fmt.Fprintf(to, "%d#%s", len(message), message)
	return err
}
