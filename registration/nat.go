package registration

import (
	"net/netip"
	"time"
)

// A NATRule says which clients are cut short for a NAT.
type NATRule string

// The rules for NAT.
const (
	NATDetect NATRule = "detect" // UDP clients that are found behind one: their Contact or Via names another address than they come from
	NATAnyUDP NATRule = "udp"    // every UDP client: the rule that jambonz deployments know
	NATOff    NATRule = "off"    // nobody
)

// NATPolicy says how clients behind a NAT are treated: they are granted a short interval, so that their refreshes keep the
// NAT's mapping open. Connections (TCP, TLS, WebSocket) keep their mapping themselves and are never cut short.
type NATPolicy struct {
	Rule          NATRule
	Interval      time.Duration // granted at most, in the answer
	KeepRequested bool          // Redis keeps what would have been granted without the NAT
}

// covers tells whether the client that sent r is cut short by this policy (rule 51).
func (p NATPolicy) covers(r *Request, contactHost string) bool {
	if r.Flow.Protocol != "udp" {
		return false
	}
	switch p.Rule {
	case NATAnyUDP:
		return true
	case NATDetect:
		return isBehindNAT(r, contactHost)
	default:
		return false
	}
}

// isBehindNAT tells whether the client can be reached only by the flow that its REGISTER came on (rule 51): by the address
// in its Contact or Via, which is another than it comes from, or because a browser never listens (RFC 7118 §5). Where
// proxies stand between, the source says nothing of the client, and the way to it is theirs to keep (RFC 3327).
func isBehindNAT(r *Request, contactHost string) bool {
	switch {
	case r.Flow.Protocol == "ws" || r.Flow.Protocol == "wss":
		return true
	case len(r.Path) > 0:
		return false
	default:
		return comesFromElsewhere(r, contactHost) || comesFromElsewhere(r, viaHost(r))
	}
}

// comesFromElsewhere tells whether the host is an address that is not the request's source; when the source is not known,
// whether it is one that cannot be reached from outside. A name proves nothing: resolving it would make the answer depend on somebody else's
// DNS.
func comesFromElsewhere(r *Request, host string) bool {
	addr, err := parseIP(host)
	switch {
	case err != nil:
		return false
	case r.Flow.Source.IsValid():
		return addr.WithZone("") != r.Flow.Source.Addr().Unmap().WithZone("")
	default:
		return isInside(addr)
	}
}

// cgnat is the shared address space of carriers (RFC 6598), which net/netip does not count as private.
var cgnat = netip.MustParsePrefix("100.64.0.0/10")

// isInside tells whether an address means something only in its own network: RFC 1918, RFC 4193, RFC 6598, link-local, loopback.
func isInside(addr netip.Addr) bool {
	return addr.IsPrivate() || cgnat.Contains(addr) || addr.IsLinkLocalUnicast() || addr.IsLoopback() || addr.IsUnspecified()
}

func viaHost(r *Request) string {
	via, err := r.SIP.TopVia()
	if err != nil {
		return ""
	}
	return via.Host
}
