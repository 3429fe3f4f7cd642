package redisstore

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Schema names the form in which other programs read the newest binding.
type Schema string

// The schemas.
const (
	Seed    Schema = "seed"    // a hash {contact, protocol, sbcAddress} at user@host
	Jambonz Schema = "jambonz" // a JSON string at user:user@host, and the sorted set active-user
	Both    Schema = "both"    // both of them, not in a cluster
)

// DefaultTimeout is the budget of one operation when Options names none.
const DefaultTimeout = 800 * time.Millisecond

// Options say where Redis is and how it is used. Exactly one of Address, Socket, Sentinels and Cluster is set.
// Printing Options, with any verb, shows no password.
type Options struct {
	Address          string   // host:port of one server
	Socket           string   // path of a Unix socket of one server
	Sentinels        []string // host:port of sentinels, with SentinelMaster
	SentinelMaster   string
	SentinelUsername string
	SentinelPassword string   `json:"-"`
	Cluster          []string // host:port of some nodes of a Redis Cluster

	Username string
	Password string `json:"-"`
	DB       int
	TLS      *tls.Config `json:"-"` // nil = plain

	Prefix  string        // in front of every key; no braces, no control characters
	Schema  Schema        // "" = Seed
	Timeout time.Duration // budget of one operation; 0 = DefaultTimeout

	// WaitReplicas is how many replicas must have a change before it counts as made; 0 = the master alone.
	WaitReplicas int

	Extra map[string]any `json:"-"` // other fields of go-redis' UniversalOptions by name, in any case
}

// Format prints the options without their secrets, whatever the verb.
func (o Options) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "redisstore.Options{%s user=%q db=%d tls=%t prefix=%q schema=%s timeout=%s replicas=%d extra=%s}",
		o.where(), o.Username, o.DB, o.TLS != nil, o.Prefix, o.Schema, o.Timeout, o.WaitReplicas, slices.Sorted(maps.Keys(o.Extra)))
}

func (o Options) where() string {
	switch {
	case o.Socket != "":
		return "socket=" + o.Socket
	case len(o.Sentinels) > 0:
		return "sentinels=" + strings.Join(o.Sentinels, ",") + " master=" + o.SentinelMaster
	case len(o.Cluster) > 0:
		return "cluster=" + strings.Join(o.Cluster, ",")
	default:
		return "address=" + o.Address
	}
}

// withDefaults fills in what may be left out.
func (o Options) withDefaults() Options {
	if o.Schema == "" {
		o.Schema = Seed
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return o
}

// check reports every combination that cannot work, all together.
func (o Options) check() error {
	var problems []error
	refuse := func(bad bool, why string) {
		if bad {
			problems = append(problems, errors.New(why))
		}
	}
	places := 0
	for _, given := range []bool{o.Address != "", o.Socket != "", len(o.Sentinels) > 0, len(o.Cluster) > 0} {
		if given {
			places++
		}
	}
	clustered := len(o.Cluster) > 0
	refuse(places != 1, "exactly one of address, socket, sentinels and cluster is needed")
	refuse((len(o.Sentinels) > 0) != (o.SentinelMaster != ""), "sentinels and the name of their master go together")
	refuse(len(o.Sentinels) == 0 && o.SentinelUsername+o.SentinelPassword != "", "sentinel credentials need sentinels")
	refuse(clustered && o.DB != 0, "a cluster has no databases: db must be 0")
	refuse(!slices.Contains([]Schema{Seed, Jambonz, Both}, o.Schema),
		fmt.Sprintf("schema %q is none of seed, jambonz and both", o.Schema))
	refuse(clustered && o.Schema == Both, "schema both does not work in a cluster: its two keys fall in different slots")
	refuse(o.WaitReplicas < 0, "a number of replicas is not negative")
	refuse(strings.ContainsAny(o.Prefix, "{}"), "a prefix with braces would decide the slot of every key")
	refuse(strings.ContainsFunc(o.Prefix, isControl), "a prefix holds no control characters")
	return errors.Join(problems...)
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7F }
