package support

import (
	"sync"

	"sbc-registrar/edge"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// LinkSecret is what the registrars of the specs authenticate with at the front end.
const LinkSecret = "link-" + Secret

// A FrontEnd is an embedded front end in the place of a drachtio server. It keeps its addresses over a restart.
type FrontEnd struct {
	options edge.Options

	mu     sync.Mutex
	server *edge.Server
	events []edge.Event
}

// StartFrontEnd starts a front end on UDP, TCP, WebSocket and a control port, with changes to these options.
func StartFrontEnd(changes ...func(*edge.Options)) *FrontEnd {
	GinkgoHelper()
	f := &FrontEnd{options: edge.Options{
		UDP: "127.0.0.1:0", TCP: "127.0.0.1:0", WS: "127.0.0.1:0", Control: "127.0.0.1:0", Secret: LinkSecret,
	}}
	f.options.OnEvent = f.keep
	f.Start(changes...)
	f.options.UDP, f.options.TCP, f.options.WS = f.Address(edge.UDP), f.Address(edge.TCP), f.Address(edge.WS)
	f.options.Control = f.Address(edge.Control)
	DeferCleanup(f.Stop)
	return f
}

// Start starts the front end, again after Stop: at the same addresses, with changes to the other options.
func (f *FrontEnd) Start(changes ...func(*edge.Options)) {
	GinkgoHelper()
	for _, change := range changes {
		change(&f.options)
	}
	server, err := edge.Start(f.options)
	Expect(err).NotTo(HaveOccurred(), "start the front end")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.server = server
}

// Stop stops the front end as if its process ended: connections close, what it held is forgotten.
func (f *FrontEnd) Stop() { _ = f.current().Close() }

// Address is where one of its listeners listens.
func (f *FrontEnd) Address(listener edge.Listener) string {
	return f.current().Addr(listener).String()
}

// SIP is where it listens for SIP on udp or tcp.
func (f *FrontEnd) SIP(network string) string {
	if network == "udp" {
		return f.Address(edge.UDP)
	}
	return f.Address(edge.TCP)
}

// Announcement is the list of addresses that it announces to registrars: sbcAddress, byte for byte.
func (f *FrontEnd) Announcement() string {
	return "ws/" + f.Address(edge.WS) + ",tcp/" + f.Address(edge.TCP) + ",udp/" + f.Address(edge.UDP)
}

// Held is how many requests wait for an answer now.
func (f *FrontEnd) Held() int { return f.current().Stats().Held }

// Links are how many control connections are open now.
func (f *FrontEnd) Links() int { return f.current().Stats().Links }

// Routes are how many of them REGISTERs are routed to now.
func (f *FrontEnd) Routes() int { return f.current().Stats().Routes }

// Events are what became of the requests, of these kinds.
func (f *FrontEnd) Events(kinds ...edge.EventKind) []edge.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	var events []edge.Event
	for _, event := range f.events {
		for _, kind := range kinds {
			if event.Kind == kind {
				events = append(events, event)
			}
		}
	}
	return events
}

func (f *FrontEnd) keep(event edge.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, event)
}

func (f *FrontEnd) current() *edge.Server {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.server
}
