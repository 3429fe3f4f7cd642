package config

import (
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Default ports of the other side.
const (
	portConnect  = 9022 // where drachtio listens for applications
	portListen   = 3001 // where the seed-era program listened for drachtio
	portSentinel = 26379
	portRedis    = 6379
)

// resolve fills in the defaults that depend on other keys, and brings equal values into one form.
func (s *Settings) resolve() {
	s.resolveDrachtio()
	s.resolveSchema()
	if s.AuthCallback.UserAgent == "" {
		s.derive("authCallback.userAgent", &s.AuthCallback.UserAgent, "sbc-registrar/"+version())
	}
	s.Redis.Sentinels = withPort(s.Redis.Sentinels, portSentinel)
	s.Redis.Cluster = withPort(s.Redis.Cluster, portRedis)
	s.resolveCluster()
	for i, domain := range s.Registration.Domains {
		s.Registration.Domains[i] = canonicalDomain(domain)
	}
	if strings.EqualFold(s.HTTP.Address, "off") {
		s.HTTP.Address = ""
	}
	if s.Logging.Level == "silent" { // the word of jambonz for what our logger calls disabled
		s.Logging.Level = "disabled"
	}
}

func (s *Settings) resolveDrachtio() {
	d := &s.Drachtio
	if d.Port == 0 {
		d.Port = portConnect
		if d.Listening() {
			d.Port = portListen
		}
		s.origins["drachtio.port"] = originDerived
	}
	d.Hosts, d.Servers = withPort(d.Hosts, d.Port), withPort(d.Servers, d.Port)
	if d.Bind != "" || !d.Listening() {
		return
	}
	// Whoever connects is told our secret: without a way to know the peer only this machine may.
	bind := "127.0.0.1"
	if len(d.Allow) > 0 || len(d.TLS.Pins) > 0 {
		bind = "0.0.0.0"
	}
	s.derive("drachtio.bind", &d.Bind, bind)
}

// resolveSchema gives a jambonz deployment the behaviour that its other programs expect.
func (s *Settings) resolveSchema() {
	body, rule, keep := BodySeed, NATDetect, KeepGranted
	if s.Redis.Schema == SchemaJambonz {
		body, rule, keep = BodyJambonz, NATUDP, KeepRequested
	}
	s.derive("authCallback.body", &s.AuthCallback.Body, body)
	s.derive("registration.nat.rule", &s.Registration.NAT.Rule, rule)
	s.derive("registration.nat.keep", &s.Registration.NAT.Keep, keep)
	if s.Redis.Schema == SchemaJambonz && s.Registration.AbsorbReserve == 0 { // the rule that its users know
		s.Registration.AbsorbReserve = 30 * time.Second
		s.origins["registration.absorbReserve"] = originDerived
	}
}

const originDerived = "derived"

// derive sets a value that was left empty.
func (s *Settings) derive(path string, field *string, value string) {
	if *field == "" {
		*field = value
		s.origins[path] = originDerived
	}
}

// Listening tells whether the drachtio servers connect to us: no server is named.
func (d Drachtio) Listening() bool { return len(d.Hosts)+len(d.Servers) == 0 }

// Addresses are the servers to connect to as host:port; none when listening.
func (d Drachtio) Addresses() []string { return append(append([]string{}, d.Hosts...), d.Servers...) }

// ListenAddress is the host:port to listen on.
func (d Drachtio) ListenAddress() string { return net.JoinHostPort(d.Bind, strconv.Itoa(d.Port)) }

// Loopback tells whether only this machine can reach ListenAddress.
func (d Drachtio) Loopback() bool {
	address, err := netip.ParseAddr(d.Bind)
	return d.Bind == "localhost" || err == nil && address.Unmap().IsLoopback()
}

// Addresses are where to find Redis: the socket path, the Sentinels, the cluster's seeds, or the one server.
func (r Redis) Addresses() []string {
	switch {
	case r.Socket != "":
		return []string{r.Socket}
	case len(r.Sentinels) > 0:
		return r.Sentinels
	case len(r.Cluster) > 0:
		return r.Cluster
	default:
		return []string{net.JoinHostPort(r.Host, strconv.Itoa(r.Port))}
	}
}

// version is the version of this module, as the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
