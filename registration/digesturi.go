package registration

import (
	"strings"

	"sbc-registrar/sip"
)

// checkDigestURI holds rule 39: the digest is over the digest-uri, so that it must name what is asked, or else credentials
// for one registrar could be spent at another (RFC 7616 §3.4.6).
func checkDigestURI(r *Request, _ Policy) *Outcome {
	if r.Credentials == nil {
		return nil
	}
	named, err := sip.ParseURI(r.Credentials.URI)
	if err != nil || !sameTarget(named, r.SIP.URI) {
		return refuse(403, "digest-uri is not the Request-URI")
	}
	return nil
}

// sameTarget compares a digest-uri with a Request-URI. What clients are known to write differently is no difference: the
// default port, the transport, the case and a trailing dot of the host, a user in only one of them.
func sameTarget(a, b sip.URI) bool {
	a, b = target(a), target(b)
	if a.User == "" || b.User == "" {
		a.User, b.User = "", ""
	}
	return a.Host != "" && a.Equal(b)
}

func target(u sip.URI) sip.URI {
	standard := 5060
	if transport, _ := u.Params.Get("transport"); u.Scheme == "sips" || strings.EqualFold(transport.Value, "tls") {
		standard = 5061
	}
	if u.Port == standard {
		u.Port = 0
	}
	u.Host = CanonicalHost(u.Host)
	u.Params = u.Params.Without("transport")
	return u
}
