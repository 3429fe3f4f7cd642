package actors

import (
	"net"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/drachtio"
)

// rescue answers orphans: by the connections that dialled their server or, where there is none, by all; and by the next connection that
// their server opens, where servers come to us.
func (c *connections) rescue(ctx actor.Context, m *orphansFound) {
	for _, o := range m.orphans {
		answer := drachtio.Answer{
			Transaction: o.transaction, Response: turnAwayText(c.deps.limits.RetryAfter), Deadline: c.deps.now().Add(answerGrace),
		}
		if listener := c.deps.links.Listener; listener != nil {
			listener.AnswerFor(o.server, answer)
			continue
		}
		if to := c.dialled[o.server]; to != nil && !loopback(o.server) { // by a loopback name each node knows another one
			ctx.Send(to, &answer)
			continue
		}
		for _, pid := range c.dialled { // the other nodes may know the same server by another name
			ctx.Send(pid, &answer)
		}
	}
}

// serverKey is what other nodes know the server of a connection by: the address that is dialled, or the IP address that it comes from.
func (w way) serverKey() string {
	if !w.accepted {
		return w.server
	}
	host, _, err := net.SplitHostPort(w.server)
	if err != nil {
		return w.server
	}
	return host
}

// loopback tells whether an address is that of the own machine.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
