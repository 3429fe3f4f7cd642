package config

import (
	"net/netip"
	"time"
)

// Values of redis.schema.
const (
	SchemaSeed    = "seed"    // a hash at user@host
	SchemaJambonz = "jambonz" // a JSON string at user:user@host and the sorted set active-user
	SchemaBoth    = "both"
)

// Values of authCallback.body.
const (
	BodySeed    = "seed"
	BodyJambonz = "jambonz"
)

// Values of registration.absorb.
const (
	AbsorbOff         = "off"
	AbsorbConnections = "connections" // TCP, TLS and WebSocket
	AbsorbAll         = "all"         // UDP too
)

// Values of registration.nat.rule.
const (
	NATDetect = "detect" // compare Contact and Via with the source address
	NATUDP    = "udp"    // every UDP client counts as behind a NAT
	NATOff    = "off"
)

// Values of registration.nat.keep: how long Redis keeps a binding that was granted the short NAT interval.
const (
	KeepGranted   = "granted"   // as long as the 200 says
	KeepRequested = "requested" // as long as would have been granted without a NAT
)

// Values of registration.contactPolicy.
const (
	ContactRefuse      = "refuse"      // a new contact is refused
	ContactOldest      = "oldest"      // it replaces the one that was refreshed longest ago
	ContactUnreachable = "unreachable" // it replaces one that is no longer reachable, else it is refused
)

// Settings are all settings, complete: every derived default is filled in.
//
// Tags: key is the name in files; default, env (aliases), flag and help describe it; check is a validator expression for
// the value and enum a list of the only values; want says in words what would be right.
type Settings struct {
	Drachtio     Drachtio     `key:"drachtio" help:"The drachtio servers that hand REGISTERs over. With host or servers we connect to them; without, we listen for them."`
	Redis        Redis        `key:"redis" help:"Where the registrations are kept."`
	AuthCallback AuthCallback `key:"authCallback" help:"The web callback that decides who may register."`
	Auth         Auth         `key:"auth" help:"The digest challenge (RFC 7616, RFC 8760)."`
	Registration Registration `key:"registration" help:"What may be registered, and for how long."`
	Abuse        Abuse        `key:"abuse" help:"Limits and bans for those who send too much or guess passwords."`
	Overload     Overload     `key:"overload" help:"When more comes than can be served."`
	Limits       Limits       `key:"limits" help:"How much one address or one realm may have."`
	Cluster      Cluster      `key:"cluster" help:"Several registrars that act as one (docs/cluster.md)."`
	HTTP         HTTP         `key:"http" help:"The HTTP server for /healthz, /readyz and /metrics."`
	Metrics      Metrics      `key:"metrics" help:"What the registrar tells of what it does."`
	Logging      Logging      `key:"logging" help:"What is logged, and how."`
	Realms       []Realm      `key:"realms" want:"a list of sections, each with name or names; as text: JSON" help:"Tenants with a callback of their own, as a list of {name or names, callback, algorithms, identity, registration, limits}: their domains, the keys of authCallback, those of auth and registration that are about lifetimes and NAT, and limits. What one leaves out is as at the top level; secrets of a callback go along with its uri only. In the environment: JSON."`

	origins map[string]string // key path → where its value came from
}

// Drachtio says how to reach, or be reached by, the drachtio servers.
type Drachtio struct {
	Hosts           []string       `key:"host" env:"DRACHTIO_HOST" check:"dive,endpoint" want:"host or host:port, or a comma list of them" help:"Servers to connect to: one host, or a comma list of host[:port]."`
	Servers         []string       `key:"servers" check:"dive,endpoint" want:"a list of host:port" help:"The same as a list of host:port; use host or servers, not both."`
	Port            int            `key:"port" env:"DRACHTIO_PORT" default:"0" check:"min=0,max=65535" want:"a port from 1 to 65535, or 0 for the default" help:"Port of servers that name none, or the port to listen on; 0 = 9022 when connecting, 3001 when listening."`
	Secret          Secret         `key:"secret" env:"DRACHTIO_SECRET" default:"cymru" check:"required,framefield" want:"text that is not empty, without control characters and without |" help:"The secret shared with the drachtio servers."`
	Bind            string         `key:"bind" check:"omitempty,bind" want:"an IP address of this machine, or localhost" help:"Address to listen on; empty = loopback, or every address once allow or tls.pins is set."`
	Allow           []netip.Prefix `key:"allow" want:"networks in CIDR form such as 10.0.0.0/8" help:"Networks (CIDR) whose drachtio servers may connect to us; checked before anything is sent."`
	Tags            []string       `key:"tags" check:"dive,tag" want:"words without spaces, commas and |" help:"Tags announced to the servers, for their routing decisions."`
	TLS             DrachtioTLS    `key:"tls"`
	PingInterval    time.Duration  `key:"pingInterval" default:"5s" check:"min=100ms,max=10m" want:"a duration from 100ms to 10m" help:"Time between two pings on a connection that we opened."`
	PingTimeout     time.Duration  `key:"pingTimeout" default:"3s" check:"min=100ms,max=10m" want:"a duration from 100ms to 10m" help:"A connection without an answer to a ping for this long is closed."`
	PrivateNetworks []netip.Prefix `key:"privateNetworks" env:"JAMBONES_NETWORK_CIDR" want:"networks in CIDR form such as 10.0.0.0/8" help:"Networks (CIDR) in which a server's private address is looked for (privateSbcAddress)."`
}

// TLS is the common part of every tls section: file names in PEM form. See ClientConfig and ServerConfig.
type TLS struct {
	CA         string `key:"ca" help:"File of the certificate authorities to trust (PEM); empty = those of the system."`
	Cert       string `key:"cert" help:"File of our own certificate chain (PEM)."`
	Key        string `key:"key" help:"File of the private key of cert (PEM)."`
	ServerName string `key:"serverName" check:"omitempty,host" want:"a host name" help:"Name to expect in the server's certificate; empty = the host that was dialled."`
	Insecure   bool   `key:"insecure" default:"false" help:"Do not verify the server's certificate. For tests only."`
}

// DrachtioTLS is the tls section of drachtio.
type DrachtioTLS struct {
	Enabled bool `key:"enabled" default:"false" help:"Speak TLS."`
	TLS
	Pins []string `key:"pins" check:"dive,len=64,hexadecimal" want:"64 hexadecimal digits each: the SHA-256 of the peer's SubjectPublicKeyInfo" help:"Keys that a peer may have: hex SHA-256 of its SubjectPublicKeyInfo. When listening, mutual TLS."`
}

// RedisTLS is the tls section of redis.
type RedisTLS struct {
	Enabled bool `key:"enabled" default:"false" help:"Speak TLS."`
	TLS
}

// Redis says where the store is: a server, a unix socket, Sentinels or a cluster.
type Redis struct {
	Host             string         `key:"host" env:"JAMBONES_REDIS_HOST" default:"127.0.0.1" check:"host" want:"a host name or an IP address" help:"The Redis server."`
	Port             int            `key:"port" env:"JAMBONES_REDIS_PORT" default:"6379" check:"min=1,max=65535" want:"a port from 1 to 65535" help:"Its port."`
	Socket           string         `key:"socket" help:"Path of a unix socket, instead of host and port."`
	Sentinels        []string       `key:"sentinels" env:"JAMBONES_REDIS_SENTINELS" check:"dive,endpoint" want:"a list of host:port" help:"Redis Sentinels (host:port; port 26379 may be left out), instead of host and port."`
	SentinelMaster   string         `key:"sentinelMaster" env:"JAMBONES_REDIS_SENTINEL_MASTER_NAME" help:"Name of the master that the Sentinels watch."`
	SentinelUsername string         `key:"sentinelUsername" help:"User name toward the Sentinels."`
	SentinelPassword Secret         `key:"sentinelPassword" help:"Password toward the Sentinels."`
	Cluster          []string       `key:"cluster" check:"dive,endpoint" want:"a list of host:port" help:"Some nodes of a Redis Cluster (host:port; port 6379 may be left out), instead of host and port."`
	Username         string         `key:"username" help:"ACL user name."`
	Password         Secret         `key:"password" help:"Password."`
	DB               int            `key:"db" default:"0" check:"min=0" want:"a database number, 0 or more" help:"Database number; a cluster has only 0."`
	TLS              RedisTLS       `key:"tls"`
	Prefix           string         `key:"prefix" check:"omitempty,keyprefix,max=64" want:"at most 64 characters without spaces, control characters, { and }" help:"Text in front of every key."`
	Schema           string         `key:"schema" default:"seed" enum:"seed jambonz both" help:"What other programs read: seed = a hash at user@host, jambonz = JSON at user:user@host and the set active-user, or both."`
	Timeout          time.Duration  `key:"timeout" default:"800ms" check:"min=10ms,max=10s" want:"a duration from 10ms to 10s" help:"Time for one operation, all tries together."`
	WaitReplicas     int            `key:"waitReplicas" default:"0" check:"min=0,max=16" want:"a number of replicas from 0 to 16" help:"Replicas that must have a change before its client is told that it is registered; 0 = the master's word is enough."`
	OutageGrant      time.Duration  `key:"outageGrant" default:"0s" check:"min=0s,max=1h,seconds" want:"whole seconds, at most 1h, or 0s" help:"While Redis cannot be reached, a client that refreshes its unchanged binding on its own flow is granted this much from this node's memory, and nothing is stored; 0s = it is answered 503 like all others."`
	OutageMemory     int            `key:"outageMemory" default:"100000" check:"min=1,max=10000000" want:"a number from 1 to 10000000" help:"How many addresses of record are remembered for that, about 2 kB each."`
	Options          map[string]any `key:"options" help:"Any other field of go-redis' UniversalOptions by its name, for example PoolSize: 20."`
}

// AuthCallback says whom to ask, and how.
type AuthCallback struct {
	URI             CallbackURL   `key:"uri" check:"omitempty,http_url" want:"a URL that starts with http:// or https://" help:"URL of the callback. Required by serve."`
	Method          string        `key:"method" default:"POST" enum:"POST GET" help:"HTTP method, POST or GET; with GET the fields travel in the query."`
	Body            string        `key:"body" enum:"seed jambonz" help:"Fields that are sent; empty = jambonz when redis.schema is jambonz, else seed."`
	Auth            BasicAuth     `key:"auth"`
	SignatureSecret Secret        `key:"signatureSecret" help:"Key of the Jambonz-Signature header; empty = not signed."`
	UserAgent       string        `key:"userAgent" env:"JAMBONES_HTTP_USER_AGENT_HEADER" check:"printable" want:"text without control characters" help:"User-Agent of the callback; empty = sbc-registrar/version."`
	Timeout         time.Duration `key:"timeout" default:"3s" check:"min=10ms,max=25s" want:"a duration from 10ms to 25s" help:"Time for one callback."`
	TLS             TLS           `key:"tls"`
	Concurrency     int           `key:"concurrency" default:"512" check:"min=1,max=65536" want:"a number from 1 to 65536" help:"Callbacks under way at once."`
	Lifetime        time.Duration `key:"connectionLifetime" default:"60s" check:"min=1s,max=1h" want:"a duration from 1s to 1h" help:"A connection to the callback is used for this time at most: so long may a change of DNS be unnoticed."`
}

// BasicAuth is HTTP Basic authentication (RFC 7617); an empty user name means none.
type BasicAuth struct {
	Username string `key:"username" check:"printable,excludes=:" want:"text without a colon and control characters" help:"User name of HTTP Basic authentication toward the callback; empty = none."`
	Password Secret `key:"password" check:"printable" want:"text without control characters" help:"Its password."`
}

// Auth describes the challenges.
type Auth struct {
	Digest
	NonceSecrets  []Secret      `key:"nonceSecrets" check:"dive,min=16" want:"texts of at least 16 characters, the same on all nodes" help:"Keys of the nonces, the newest first: it makes new ones, all are accepted. Empty = keys in Redis that all nodes share and rotate."`
	NonceSecret   Secret        `key:"nonceSecret" check:"omitempty,min=16" want:"at least 16 characters, the same on all nodes" help:"The same as nonceSecrets with one key; use one of them."`
	NonceLifetime time.Duration `key:"nonceLifetime" default:"60s" check:"min=1s,max=1h" want:"a duration from 1s to 1h" help:"A nonce must be used within this time; a client that counts its uses may go on for five times as long."`
	BindSource    bool          `key:"bindSource" default:"false" help:"Accept a nonce only from the address that it was given to."`
}

// Digest is what a challenge offers, and whose answer counts. Realms may have their own.
type Digest struct {
	Algorithms []string `key:"algorithms" default:"MD5" enum:"SHA-256 SHA-512-256 MD5" check:"min=1,unique" help:"Digest algorithms in order of preference: SHA-256, SHA-512-256, MD5."`
	Identity   string   `key:"identity" default:"userOrAOR" enum:"user userOrAOR any" help:"User name that may register user@host: user = only user, userOrAOR = user or user@host, any = any, but only what the callback's answer lists in aor."`
}

// Registration holds the policy of the registrar (RFC 3261 §10.3).
type Registration struct {
	Domains        []string `key:"domains" check:"dive,host" want:"a list of domain names" help:"Domains served beside those of realms; empty = every domain that is no IP address."`
	AllowIPDomains bool     `key:"allowIPDomains" default:"false" help:"Serve domains that are IP addresses."`
	Lifetimes
	ContactPolicy string        `key:"contactPolicy" default:"oldest" enum:"refuse oldest unreachable" help:"One contact more: refuse = it is answered 403, oldest = it replaces the one that was refreshed longest ago, unreachable = it replaces one whose client has come back on another flow, else 403."`
	ExpiryJitter  int           `key:"expiryJitter" default:"0" check:"min=0,max=50" want:"a percentage from 0 to 50" help:"Grants are shortened by up to this percentage at random, so that clients do not all come back at once; never below minExpires."`
	StrictPath    bool          `key:"strictPath" default:"false" help:"Answer 420 to a client that does not support the Path that a proxy put into its REGISTER (RFC 3327)."`
	ServiceRoute  []string      `key:"serviceRoute" check:"dive,route" want:"a list of addresses such as <sip:proxy.example.com;lr>, without quotes, commas and spaces" help:"Service-Route of the answers, in this order (RFC 3608)."`
	GRUU          bool          `key:"gruu" default:"false" help:"Give clients that support it a public GRUU (RFC 5627). They use it as the Contact of their calls: only where what routes calls knows GRUUs."`
	GRUUSecret    Secret        `key:"gruuSecret" check:"omitempty,min=16" want:"at least 16 characters, the same on all nodes" help:"Key of the temporary GRUUs that clients are given beside it, shared by all nodes; empty = none."`
	Absorb        string        `key:"absorb" default:"connections" enum:"off connections all" help:"On which flows a client that refreshes its unchanged binding is spared the callback, inside the period that this granted: connections = TCP, TLS and WebSocket, all = UDP too (its source addresses can be forged), off = none."`
	AbsorbReserve time.Duration `key:"absorbReserve" default:"0s" check:"min=0s,seconds" want:"whole seconds, or 0s for the default" help:"The callback is asked again once no more than this is left of that period; 0s = a third of it, or 30s when redis.schema is jambonz."`
	Survive       time.Duration `key:"survive" default:"0s" check:"min=0s,max=168h,seconds" want:"whole seconds, at most 168h, or 0s" help:"While the callback cannot be asked, clients on the flows of absorb may refresh their unchanged binding for so long after the period that it granted; 0s = they are answered 503 like new ones."`
	Deadline      time.Duration `key:"deadline" default:"5s" check:"min=100ms,max=25s" want:"a duration from 100ms to 25s (drachtio forgets a transaction soon after)" help:"Every REGISTER is answered within this time."`
}

// Lifetimes say how long a registration lasts. Realms may have their own.
type Lifetimes struct {
	MinExpires     time.Duration `key:"minExpires" default:"30s" check:"min=1s,seconds" want:"whole seconds, at least 1s" help:"A shorter expiry is answered 423."`
	RaiseExpires   bool          `key:"raiseExpires" default:"false" help:"Raise a shorter expiry to minExpires instead of answering 423."`
	MaxExpires     time.Duration `key:"maxExpires" default:"2h" check:"min=1s,max=8760h,seconds" want:"whole seconds, from 1s to 8760h" help:"A longer expiry is shortened to this."`
	DefaultExpires time.Duration `key:"defaultExpires" default:"1h" check:"min=1s,seconds" want:"whole seconds, at least 1s" help:"Expiry of a REGISTER that asks for none."`
	NAT            NAT           `key:"nat"`
}

// NAT says which clients are behind a NAT and what they are granted.
type NAT struct {
	Rule     string        `key:"rule" enum:"detect udp off" help:"Who is behind a NAT: detect = by comparing addresses, udp = every UDP client, off = nobody; empty = udp when redis.schema is jambonz, else detect."`
	Interval time.Duration `key:"interval" default:"30s" check:"min=1s,seconds" want:"whole seconds, at least 1s" help:"Expiry granted to a client behind a NAT, so that it keeps its path open."`
	Keep     string        `key:"keep" enum:"granted requested" help:"How long Redis keeps such a binding: as granted, or as requested; empty = requested when redis.schema is jambonz, else granted."`
}

// Overload bounds what is under way and says when those who are turned away may come again.
type Overload struct {
	UnderWay   int           `key:"underWay" default:"16384" check:"min=64,max=1000000" want:"a number from 64 to 1000000" help:"REGISTERs under way at once, from their arrival to their answer; more are answered 503, those first who lose the least by it (docs/overload.md)."`
	PerSource  int           `key:"perSource" default:"2048" check:"min=0,max=1000000" want:"a number from 0 to 1000000" help:"Those of one source address, abuse.trusted ones aside; 0 = no bound."`
	RetryAfter time.Duration `key:"retryAfter" default:"5s" check:"min=1s,max=10m,seconds" want:"whole seconds from 1s to 10m" help:"Retry-After of a 503 is drawn between this and twice of it, so that clients do not all come back at once."`
}

// Limits bound what is registered. Realms may have their own.
type Limits struct {
	MaxUsers    int `key:"maxUsers" default:"0" check:"min=0" want:"a number of users, or 0 for no maximum" help:"Users that may be registered in one realm at once; 0 = no maximum."`
	MaxContacts int `key:"maxContacts" default:"10" check:"min=1,max=50" want:"a number from 1 to 50" help:"Contacts that one user may have registered at a time; fewer when an answer cannot list as many."`
}

// HTTP is the server of the health endpoints and the metrics.
type HTTP struct {
	Address   string `key:"address" default:"127.0.0.1:3080" flag:"http-address" check:"omitempty,listen" want:"host:port or :port, or off" help:"Address of /healthz, /readyz and /metrics; empty or off = none."`
	Profiling bool   `key:"profiling" default:"false" help:"Serve Go's profiler at /debug/pprof/ there: for a while, to find out where time or memory goes."`
}

// Logging says what is logged.
type Logging struct {
	Level  string `key:"level" default:"info" env:"JAMBONES_LOGLEVEL" flag:"log-level" enum:"trace debug info warn error fatal silent disabled" help:"Lowest level that is logged."`
	Format string `key:"format" default:"auto" flag:"log-format" enum:"auto json pretty" help:"json, pretty, or auto = pretty on a terminal and json elsewhere."`
}
