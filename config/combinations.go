package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// combinations refuses values that are right each for itself and wrong together.
func combinations(s Settings) []Problem {
	c := &combiner{settings: s}
	c.drachtio(s.Drachtio)
	c.redis(s.Redis)
	c.auth(s.Auth)
	c.lifetimes("registration", s.Registration.Lifetimes)
	c.answers(s.Registration)
	c.callback("authCallback", s.AuthCallback)
	c.domains(s.Registration)
	c.abuse(s.Abuse)
	c.cluster(s.Cluster)
	c.tls("drachtio.tls", s.Drachtio.TLS.TLS, s.Drachtio.TLS.Enabled)
	c.tls("redis.tls", s.Redis.TLS.TLS, s.Redis.TLS.Enabled)
	for i, realm := range s.Realms {
		c.realm(i, realm)
	}
	return c.problems
}

type combiner struct {
	settings Settings
	problems []Problem
}

// refuse reports a combination. The first key is the one that the problem is filed under.
func (c *combiner) refuse(when bool, problem, want string, keys ...string) {
	if when {
		c.problems = append(c.problems, Problem{Key: keys[0], Problem: problem, Want: want, others: keys[1:]})
	}
}

// name is a key with the environment name or flag that set it, for the second key of a problem.
func (c *combiner) name(path string) string {
	for _, key := range Keys() {
		for _, origin := range append(key.Env, "--"+key.Flag, "--"+setFlag) {
			if key.Path == path && c.settings.origins[path] == origin {
				return path + " (from " + origin + ")"
			}
		}
	}
	return path
}

func (c *combiner) drachtio(d Drachtio) {
	c.refuse(len(d.Hosts) > 0 && len(d.Servers) > 0,
		"is set, and so is "+c.name("drachtio.host"), "one of the two",
		"drachtio.servers", "drachtio.host")
	c.refuse(len(d.TLS.Pins) > 0 && !d.TLS.Enabled,
		"are set, but drachtio.tls.enabled is false", "TLS switched on, or no pins",
		"drachtio.tls.pins", "drachtio.tls.enabled")
	if !d.Listening() {
		return
	}
	mutual := d.TLS.Enabled && (len(d.TLS.Pins) > 0 || d.TLS.CA != "")
	c.refuse(!d.Loopback() && len(d.Allow) == 0 && !mutual,
		"is not loopback: whoever connects would be told the secret",
		"drachtio.allow with the networks of the drachtio servers, or mutual TLS by drachtio.tls.pins or drachtio.tls.ca",
		"drachtio.bind", "drachtio.allow", "drachtio.tls.enabled", "drachtio.tls.pins", "drachtio.tls.ca")
	c.refuse(d.TLS.Enabled && (d.TLS.Cert == "" || d.TLS.Key == ""),
		"is true, but there is no certificate to listen with", "drachtio.tls.cert and drachtio.tls.key",
		"drachtio.tls.enabled", "drachtio.tls.cert", "drachtio.tls.key")
}

func (c *combiner) redis(r Redis) {
	otherHost := r.Host != unresolved().Redis.Host
	c.refuse(r.Socket != "" && otherHost,
		"is set, and so is "+c.name("redis.host"), "one of the two", "redis.socket", "redis.host")
	c.refuse(r.Socket != "" && len(r.Sentinels) > 0,
		"is set, and so is "+c.name("redis.sentinels"), "one of the two", "redis.socket", "redis.sentinels")
	c.refuse(r.Socket != "" && len(r.Cluster) > 0,
		"is set, and so is "+c.name("redis.cluster"), "one of the two", "redis.socket", "redis.cluster")
	c.refuse(len(r.Cluster) > 0 && len(r.Sentinels) > 0,
		"is set, and so is "+c.name("redis.sentinels"), "one of the two (a cluster needs no Sentinels)",
		"redis.cluster", "redis.sentinels")
	c.refuse(len(r.Sentinels) > 0 && r.SentinelMaster == "",
		"is missing, though "+c.name("redis.sentinels")+" is set", "the name of the master that the Sentinels watch",
		"redis.sentinelMaster", "redis.sentinels")
	noSentinels := len(r.Sentinels) == 0
	c.refuse(noSentinels && r.SentinelMaster != "",
		"is set, but "+c.name("redis.sentinels")+" is not", "the addresses of the Sentinels, or no master name",
		"redis.sentinelMaster", "redis.sentinels")
	c.refuse(noSentinels && r.SentinelUsername+r.SentinelPassword.Reveal() != "",
		"has a user name or password for Sentinels, but names none", "a list of host:port", "redis.sentinels",
		"redis.sentinelUsername", "redis.sentinelPassword")
	c.refuse(len(r.Cluster) > 0 && r.Schema == SchemaBoth,
		"is both, but redis.cluster is set: the two keys of a user are in different hash slots, and one change could not be atomic",
		"seed or jambonz", "redis.schema", "redis.cluster")
	c.refuse(len(r.Cluster) > 0 && r.DB != 0,
		"is "+describe(r.DB)+", but redis.cluster is set", "0, the only database of a cluster", "redis.db", "redis.cluster")
}

func (c *combiner) auth(a Auth) {
	c.refuse(len(a.NonceSecrets) > 0 && a.NonceSecret != "",
		"is set, and so is "+c.name("auth.nonceSecret"), "one of the two", "auth.nonceSecrets", "auth.nonceSecret")
}

func (c *combiner) lifetimes(path string, l Lifetimes) {
	shortest, standard, longest, interval := path+".minExpires", path+".defaultExpires", path+".maxExpires", path+".nat.interval"
	c.refuse(l.MinExpires > l.DefaultExpires,
		"is "+describe(l.MinExpires)+", more than "+c.name(standard)+" with "+describe(l.DefaultExpires),
		"minExpires ≤ defaultExpires ≤ maxExpires", shortest, standard)
	c.refuse(l.DefaultExpires > l.MaxExpires,
		"is "+describe(l.DefaultExpires)+", more than "+c.name(longest)+" with "+describe(l.MaxExpires),
		"minExpires ≤ defaultExpires ≤ maxExpires", standard, longest)
	c.refuse(l.NAT.Interval > l.MaxExpires,
		"is "+describe(l.NAT.Interval)+", more than "+c.name(longest)+" with "+describe(l.MaxExpires),
		"at most maxExpires", interval, longest)
}

// answerMargin is what the registrar keeps of the deadline for the answer itself.
const answerMargin = 200 * time.Millisecond

// maxServiceRoute is how many bytes of every answer the Service-Route may take: an answer must fit one frame to drachtio.
const maxServiceRoute = 512

func (c *combiner) answers(r Registration) {
	size := len(strings.Join(r.ServiceRoute, ", "))
	c.refuse(size > maxServiceRoute,
		"has "+describe(size)+" bytes: with it an answer would not fit a frame to drachtio",
		"at most "+describe(maxServiceRoute)+" bytes, all values together", "registration.serviceRoute")
	c.refuse(r.GRUUSecret != "" && !r.GRUU,
		"is set, but registration.gruu is false", "gruu: true, or no gruuSecret", "registration.gruuSecret", "registration.gruu")
}

// callback: a REGISTER that takes its callback and its write their full time must still be answered.
func (c *combiner) callback(path string, a AuthCallback) {
	deadline := c.settings.Registration.Deadline
	needed := a.Timeout + c.settings.Redis.Timeout + answerMargin
	c.refuse(needed > deadline,
		"is "+describe(deadline)+", less than "+c.name(path+".timeout")+" and "+c.name("redis.timeout")+
			" and "+describe(answerMargin)+" for the answer together, "+describe(needed),
		"at least "+describe(needed)+" (and at most 25s), or shorter timeouts",
		"registration.deadline", path+".timeout", "redis.timeout")
	c.tls(path+".tls", a.TLS, true)
	c.refuse(a.Auth.Password != "" && a.Auth.Username == "",
		"is set without a user name", path+".auth.username too, or neither",
		path+".auth.password", path+".auth.username")
}

// realm checks what a realm has otherwise than the top level, which is checked once.
func (c *combiner) realm(i int, r Realm) {
	c.refuse(len(r.Names) == 0, "has no domain", "name, or names as a list", realmPath(i, "names"), realmPath(i, "name"))
	for _, name := range r.Names {
		c.ipDomain(realmPath(i, "names"), name)
		for other, earlier := range c.settings.Realms[:i] {
			c.refuse(slices.Contains(earlier.Names, name), "holds "+describe(name)+", and so does "+realmPath(other, "names"),
				"each domain in one realm", realmPath(i, "names"))
		}
	}
	if r.Registration != c.settings.Registration.Lifetimes {
		c.lifetimes(realmPath(i, "registration"), r.Registration)
	}
	if r.Callback != c.settings.AuthCallback {
		c.callback(realmPath(i, "callback"), r.Callback)
	}
}

func (c *combiner) domains(r Registration) {
	for _, domain := range r.Domains {
		c.ipDomain("registration.domains", domain)
	}
}

func (c *combiner) ipDomain(path, domain string) {
	_, err := netip.ParseAddr(strings.Trim(domain, "[]"))
	c.refuse(err == nil && !c.settings.Registration.AllowIPDomains,
		"holds the IP address "+describe(domain)+", but registration.allowIPDomains is false",
		"domain names only, or allowIPDomains: true", path, "registration.allowIPDomains")
}

// tls refuses half a key pair, and files that would not be used: who names them expects TLS.
func (c *combiner) tls(path string, t TLS, enabled bool) {
	ca, cert, key := path+".ca", path+".cert", path+".key"
	c.refuse(t.Cert != "" && t.Key == "", "is set without "+key, "both or neither", cert, key)
	c.refuse(t.Key != "" && t.Cert == "", "is set without "+cert, "both or neither", key, cert)
	if enabled {
		return
	}
	switchedOff := "is set, but " + path + ".enabled is false"
	c.refuse(t.CA != "", switchedOff, "TLS switched on, or no "+ca, ca, path+".enabled")
	c.refuse(t.Cert != "", switchedOff, "TLS switched on, or no "+cert, cert, path+".enabled")
}
