package actors

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/drachtio"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// handler hands what a link hears to its connection's mailbox: the link's reader never waits for us (P13).
type handler struct {
	deps *dependencies
	link link
	root *actor.RootContext
	self *actor.PID
}

func (h *handler) tell(message any) { h.root.Send(h.self, message) }

// LinkUp implements drachtio.Handler.
func (h *handler) LinkUp(a drachtio.Announcement) { h.tell(&linkUp{h, a}) }

// LinkDown implements drachtio.Handler.
func (h *handler) LinkDown(err error, retryIn time.Duration) { h.tell(&linkDown{h, err, retryIn}) }

// Request implements drachtio.Handler. What cannot be let in is answered here and now: shedding must cost next to nothing.
func (h *handler) Request(r drachtio.Request) {
	class, bound := h.deps.entrance.enter(r.Arrived, r.SIP, r.Source)
	if bound == overload.Free {
		h.tell(&requestArrived{r, class})
		return
	}
	h.deps.entrance.turnedAway(r.Arrived, class, Arrival, bound)
	h.link.Answer(drachtio.Answer{
		Transaction: r.Transaction,
		Response:    turnAwayText(h.deps.limits.RetryAfter),
		Deadline:    r.Arrived.Add(h.deps.limits.Deadline + answerGrace),
	})
}

// turnAwayText is the answer to a request that nobody has read: the server fills in what it has to echo.
func turnAwayText(retryAfter time.Duration) string {
	return "SIP/2.0 503 Service Unavailable\r\nRetry-After: " + strconv.Itoa(int(spread(retryAfter)/time.Second)) + "\r\nContent-Length: 0\r\n\r\n"
}

func (c *connection) setUp(up bool) {
	switch {
	case up && !c.up:
		c.deps.linksUp.Add(1)
	case !up && c.up:
		c.deps.linksUp.Add(-1)
	}
	c.up = up
}

func (c *connection) linkUp(m *linkUp) {
	if m.from != c.handler {
		return
	}
	c.setUp(true)
	c.log.WithLevel(c.way.level).Str("event", "link.up").Str("contacts", m.announcement.Contacts).Str("version", m.announcement.Version).
		Msg("connected to drachtio server")
}

func (c *connection) linkDown(m *linkDown) {
	if m.from != c.handler {
		return
	}
	c.setUp(false)
	event := c.log.Warn()
	if m.err == nil || errors.Is(m.err, context.Canceled) {
		event = c.log.WithLevel(c.way.level)
	}
	event.Str("event", "link.down").AnErr("reason", m.err).Dur("retry_in", m.retryIn).Msg("no connection to drachtio server")
}

// linkEnded: a session is over, or a client was closed.
func (c *connection) linkEnded(ctx actor.Context, m *linkEnded) {
	if m.from == c.handler {
		c.over = true
		c.endIfDone(ctx)
	}
}

// linkAddresses are the addresses of the drachtio server at the other end of a link.
type linkAddresses struct {
	announced  drachtio.Announcement
	privateSBC string
}

// addressesOf returns the addresses that the server announced on the connection by which a request came.
func (c *connection) addressesOf(a drachtio.Announcement) linkAddresses {
	if a != c.addresses.announced {
		c.addresses = linkAddresses{announced: a, privateSBC: privateAddress(a, c.deps.links.PrivateNetworks)}
	}
	return c.addresses
}

// flowOf is how a request reached us. The server says tcp for WebSocket clients too: there, only the Via tells (RFC 7118 §5.2).
func flowOf(request drachtio.Request, msg *sip.Request, server linkAddresses) registration.Flow {
	protocol := strings.ToLower(request.Protocol)
	if via, err := msg.TopVia(); err == nil && protocol != "udp" {
		if t := strings.ToLower(via.Transport); t == "ws" || t == "wss" || t == "tls" {
			protocol = t
		}
	}
	return registration.Flow{
		Protocol:          protocol,
		Source:            request.Source,
		Received:          request.Received,
		SBCAddress:        server.announced.Contacts, // byte for byte: other programs compare it as a string
		PrivateSBCAddress: server.privateSBC,
	}
}

// privateAddress is ip:port of the server's first local tcp address in the private networks; "" when there is none.
func privateAddress(a drachtio.Announcement, networks []netip.Prefix) string {
	for _, e := range a.LocalEndpoints() {
		addr, err := netip.ParseAddr(e.Host)
		if e.Protocol != "tcp" || err != nil {
			continue
		}
		for _, network := range networks {
			if network.Contains(addr.Unmap()) {
				return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
			}
		}
	}
	return ""
}
