package registration

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
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
	Absorb         AbsorbPolicy
	MaxUsers       int // users per realm (rule 59); 0 = no maximum
	MaxContacts    int // bindings per AOR; what a further one meets is for Crowded to say (rule 31)

	Crowded      CrowdedPolicy // "" = EvictOldest
	ExpiryJitter float64       // grants are shortened by up to this part of them, 0 to 1 (rule 23)
	StrictPath   bool          // a Path needs a client that supports it (rule 45)
	ServiceRoute []string      // name-addrs for the answer, in their order (rule 50); together at most 512 bytes
	GRUU         GRUUPolicy
	Identity     Identity // whose credentials are good for an AOR (rule 11); "" = IdentityUserOrAOR
}

// A CrowdedPolicy says what happens to a new binding of an AOR that has as many as it may have, or more than an answer can list.
type CrowdedPolicy string

// The policies of rule 31.
const (
	RefuseNew        CrowdedPolicy = "refuse"      // the new one is refused
	EvictOldest      CrowdedPolicy = "oldest"      // it takes the place of the one that was refreshed longest ago
	EvictUnreachable CrowdedPolicy = "unreachable" // it takes that of one at whose flow nobody is expected; without one it is refused
)

// DefaultPolicy is the policy of an operator who decided nothing.
func DefaultPolicy() Policy {
	return Policy{
		MinExpires:     30 * time.Second,
		MaxExpires:     2 * time.Hour,
		DefaultExpires: time.Hour,
		NAT:            NATPolicy{Rule: NATDetect, Interval: 30 * time.Second},
		Absorb:         AbsorbPolicy{Flows: AbsorbConnections},
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
	if isName(host) {
		return netip.Addr{}, errNoIP
	}
	addr, err := netip.ParseAddr(host)
	return addr.Unmap(), err
}

var errNoIP = errors.New("a name")

// isName tells at a glance that a host is no address: it has no colon, and does not end in a digit.
func isName(host string) bool {
	return host != "" && !strings.Contains(host, ":") && (host[len(host)-1] < '0' || host[len(host)-1] > '9')
}
