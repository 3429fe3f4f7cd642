package support

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A Tap stands on the control port between a registrar that dials and a front end. It passes everything on, frame by
// frame, and counts on its own what goes by, so that neither side is its own judge. It can also break links.
type Tap struct {
	listener net.Listener
	target   string

	mu       sync.Mutex
	links    map[*tapped]struct{}
	frozen   chan struct{} // closed when traffic may flow
	dialed   int
	commands []string
	answers  map[string][]int
	frames   []int
	judge    func(Frame) Verdict // nil = everything passes
}

// tapped is one link: the registrar's side and the front end's.
type tapped struct{ app, server net.Conn }

// StartTap listens for a registrar and passes it on to target, the front end's control port.
func StartTap(target string) *Tap {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	return StartTapAt(listener, target)
}

// StartTapAt is StartTap for registrars that connect to this listener.
func StartTapAt(listener net.Listener, target string) *Tap {
	GinkgoHelper()
	t := &Tap{
		listener: listener, target: target,
		links: map[*tapped]struct{}{}, frozen: make(chan struct{}), answers: map[string][]int{},
	}
	close(t.frozen)
	var accepting sync.WaitGroup
	accepting.Go(t.acceptAll)
	DeferCleanup(func() {
		_ = listener.Close()
		t.Thaw()
		t.Cut()
		accepting.Wait()
	})
	return t
}

// Address is where a registrar connects.
func (t *Tap) Address() string { return t.listener.Addr().String() }

// Cut closes all links and tells how many there were.
func (t *Tap) Cut() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for link := range t.links {
		_ = link.app.Close()
		_ = link.server.Close()
	}
	return len(t.links)
}

// Freeze lets nothing pass any more, in either direction, with all connections open: a half-open link.
func (t *Tap) Freeze() {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.frozen:
		t.frozen = make(chan struct{})
	default: // it is frozen already, and who waits does so for this channel
	}
}

// Thaw lets traffic flow again.
func (t *Tap) Thaw() {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.frozen:
	default:
		close(t.frozen)
	}
}

// Dialed is how many times a registrar has connected.
func (t *Tap) Dialed() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dialed
}

// Commands are the commands that registrars have sent, without their arguments: authenticate, route, ping, sip, …
func (t *Tap) Commands() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.commands...)
}

// Answers are the final answers that registrars have sent: transaction to statuses.
func (t *Tap) Answers() map[string][]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	answers := make(map[string][]int, len(t.answers))
	for transaction, statuses := range t.answers {
		answers[transaction] = append([]int(nil), statuses...)
	}
	return answers
}

// LongestFrame is the length of the longest frame that a registrar has sent.
func (t *Tap) LongestFrame() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	longest := 0
	for _, length := range t.frames {
		longest = max(longest, length)
	}
	return longest
}

func (t *Tap) acceptAll() {
	var links sync.WaitGroup
	defer links.Wait()
	for {
		app, err := t.listener.Accept()
		if err != nil {
			return
		}
		links.Go(func() { t.join(app) })
	}
}

// join connects one registrar to the front end until either side closes.
func (t *Tap) join(app net.Conn) {
	t.mu.Lock()
	t.dialed++
	t.mu.Unlock()
	server, err := net.Dial("tcp", t.target)
	if err != nil {
		_ = app.Close()
		return
	}
	link := &tapped{app: app, server: server}
	t.mu.Lock()
	t.links[link] = struct{}{}
	t.mu.Unlock()

	var pumps sync.WaitGroup
	pumps.Go(func() { t.pump(link, true) })
	pumps.Go(func() { t.pump(link, false) })
	pumps.Wait()
	t.mu.Lock()
	delete(t.links, link)
	t.mu.Unlock()
}

// pump passes frames on in one direction until one side closes, then closes both.
func (t *Tap) pump(link *tapped, fromRegistrar bool) {
	from, to := link.server, link.app
	if fromRegistrar {
		from, to = to, from
	}
	defer func() { _, _ = from.Close(), to.Close() }()
	reader := bufio.NewReader(from)
	for {
		message, err := readFrame(reader)
		if err != nil {
			return
		}
		t.mu.Lock()
		frozen := t.frozen
		t.mu.Unlock()
		<-frozen
		verdict := t.verdict(message, fromRegistrar)
		if verdict == CutBefore {
			return
		}
		if fromRegistrar {
			t.note(message)
		}
		if _, err := fmt.Fprintf(to, "%d#%s", len(message), message); err != nil || verdict == CutBehind {
			return
		}
	}
}

// note counts what a registrar sent.
func (t *Tap) note(message string) {
	fields := strings.SplitN(message, "|", 4)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.frames = append(t.frames, len(message)+len(strconv.Itoa(len(message)))+1)
	if len(fields) < 2 {
		t.commands = append(t.commands, "unreadable")
		return
	}
	t.commands = append(t.commands, fields[1])
	if fields[1] != "sip" || len(fields) < 4 {
		return
	}
	var status int
	if _, err := fmt.Sscanf(strings.TrimLeft(fields[3], "|\r\n"), "SIP/2.0 %d", &status); err == nil && status >= 200 {
		t.answers[fields[2]] = append(t.answers[fields[2]], status)
	}
}

// readFrame reads <length>#<message>.
func readFrame(from *bufio.Reader) (string, error) {
	digits, err := from.ReadString('#')
	if err != nil {
		return "", err
	}
	length, err := strconv.Atoi(strings.TrimSuffix(digits, "#"))
	if err != nil || length > 1<<20 {
		return "", fmt.Errorf("no frame: %q", digits)
	}
	message := make([]byte, length)
	_, err = io.ReadFull(from, message)
	return string(message), err
}
