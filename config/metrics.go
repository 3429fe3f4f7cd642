package config

import (
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Values of metrics.statsd.protocol.
const (
	StatsdUDP = "udp"
	StatsdTCP = "tcp"
)

// Metrics says what the registrar tells of what it does.
type Metrics struct {
	Enabled       bool          `key:"enabled" default:"true" help:"Serve /metrics for Prometheus on http.address."`
	UsersInterval time.Duration `key:"usersInterval" default:"30s" check:"min=1s,max=1h" want:"a duration from 1s to 1h" help:"Time between two counts of the registered users in Redis."`
	Statsd        Statsd        `key:"statsd" help:"A statsd server that gets what jambonz's registrars send, under the same names."`
}

// Statsd says where samples go. The environment names are those of jambonz.
type Statsd struct {
	Enabled       bool          `key:"enabled" env:"ENABLE_METRICS" default:"false" help:"Send to a statsd server what jambonz's registrars send."`
	Host          string        `key:"host" env:"STATS_HOST" default:"127.0.0.1" check:"host" want:"a host name or an IP address" help:"The statsd server."`
	Port          int           `key:"port" env:"STATS_PORT" default:"8125" check:"min=1,max=65535" want:"a port from 1 to 65535" help:"Its port."`
	Protocol      string        `key:"protocol" env:"STATS_PROTOCOL" default:"udp" enum:"udp tcp" help:"How to reach it."`
	Prefix        string        `key:"prefix" env:"STATS_PREFIX" check:"omitempty,statsd,max=64" want:"at most 64 characters without spaces, control characters, :, | and @" help:"Text in front of every name, as it is: with its dot, if there is to be one."`
	Tags          []string      `key:"tags" env:"STATS_TAGS" check:"dive,statsdtag,max=200" want:"tags such as zone:east, without spaces, control characters, |, # and @" help:"Tags of every sample."`
	FlushInterval time.Duration `key:"flushInterval" default:"100ms" check:"min=10ms,max=1m" want:"a duration from 10ms to 1m" help:"Samples wait for each other so long, to go together."`
}

// Address is the statsd server as host:port.
func (s Statsd) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// isStatsdName tells a text that can be a part of a sample's name: the others end it.
func isStatsdName(text string) bool { return !breaksSample(text, ":|@") }

func isStatsdTag(text string) bool { return text != "" && !breaksSample(text, "|@#") }

func breaksSample(text, separators string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(separators, r)
	})
}
