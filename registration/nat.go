package registration

import (
	"time"
)

// A NATRule says which clients count as being behind a NAT.
type NATRule string

// The rules for NAT.
const (
	NATDetect NATRule = "detect" // UDP clients whose Contact or Via names another address than they come from
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

// covers tells whether the client that sent r is behind a NAT by this policy (rule 51).
func (p NATPolicy) covers(r *Request, contactHost string) bool {
	if r.Flow.Protocol != "udp" {
		return false
	}
	switch p.Rule {
	case NATAnyUDP:
		return true
	case NATDetect:
		return comesFromElsewhere(r, contactHost) || comesFromElsewhere(r, viaHost(r))
	default:
		return false
	}
}

// comesFromElsewhere tells whether the host is an address that is not the request's source. A name proves nothing: resolving
// it would make the answer depend on somebody else's DNS.
func comesFromElsewhere(r *Request, host string) bool {
	addr, err := parseIP(host)
	return err == nil && r.Flow.Source.IsValid() && addr != r.Flow.Source.Addr().Unmap()
}

func viaHost(r *Request) string {
	via, err := r.SIP.TopVia()
	if err != nil {
		return ""
	}
	return via.Host
}
