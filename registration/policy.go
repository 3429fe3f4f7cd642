package registration

import (
	"net/netip"
	"slices"
	"time"
)

// A Policy is what the operator decided. The zero value of a field means what its comment says.
type Policy struct {
	Domains        []string      // canonical hosts that are served; empty = every domain that is no IP address
	AllowIPDomains bool          // an IP address may be a domain (rule 9 says no)
	MinExpires     time.Duration // shorter wishes are answered 423
	RaiseExpires   bool          // …or raised to the minimum instead
	MaxExpires     time.Duration // longer wishes are cut to this
	DefaultExpires time.Duration // for a REGISTER that wishes nothing
	NAT            NATPolicy
	MaxContacts    int      // bindings per AOR; a further one replaces the oldest
	MaxUsers       int      // registered AORs per realm; 0 = no limit
	Identity       Identity // whose credentials are good for an AOR; "" = IdentityUserOrAOR
}

// DefaultPolicy is the policy of an operator who decided nothing.
func DefaultPolicy() Policy {
	return Policy{
		MinExpires:     30 * time.Second,
		MaxExpires:     2 * time.Hour,
		DefaultExpires: time.Hour,
		NAT:            NATPolicy{Rule: NATDetect, Interval: 30 * time.Second},
		MaxContacts:    10,
		Identity:       IdentityUserOrAOR,
	}
}

// Serves tells whether a canonical host is one of our domains (rules 3 and 9).
func (p Policy) Serves(host string) bool {
	if len(p.Domains) > 0 {
		return slices.Contains(p.Domains, host)
	}
	return p.AllowIPDomains || !isIP(host)
}

// isIP tells whether a host is an address rather than a name; IPv6 stands in brackets (RFC 3261 §25.1).
func isIP(host string) bool {
	_, err := parseIP(host)
	return err == nil
}

func parseIP(host string) (netip.Addr, error) {
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	addr, err := netip.ParseAddr(host)
	return addr.Unmap(), err
}
