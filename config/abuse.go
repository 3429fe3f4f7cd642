package config

import (
	"net/netip"
	"time"
)

// Abuse limits what one source and one address of record may cost. The defaults are such that no phone and no office meets
// them: what succeeds does not count.
type Abuse struct {
	SourceRate   int            `key:"sourceRate" default:"50" check:"min=0,max=1000000" want:"a number from 0 to 1000000" help:"REGISTERs a second from one source (an IPv4 address, or an IPv6 network of 64 bits), and as many with an answer to a challenge; those that succeed do not count; 0 = no limit."`
	SourceBurst  int            `key:"sourceBurst" default:"1000" check:"min=1,max=1000000" want:"a number from 1 to 1000000" help:"How many of them may come at once."`
	AORRate      int            `key:"aorRate" default:"2" check:"min=0,max=1000000" want:"a number from 0 to 1000000" help:"REGISTERs a second with an answer to a challenge for one address of record, at the place where it is registered and elsewhere each; 0 = no limit."`
	AORBurst     int            `key:"aorBurst" default:"40" check:"min=1,max=1000000" want:"a number from 1 to 1000000" help:"How many of them may come at once."`
	MaxSources   int            `key:"maxSources" default:"100000" check:"min=1,max=10000000" want:"a number from 1 to 10000000" help:"Sources and addresses of record that are remembered, each: the bound of what memory this takes, about 1 kB for each."`
	Trusted      []netip.Prefix `key:"trusted" want:"networks in CIDR form such as 10.0.0.0/8" help:"Networks (CIDR) of our own proxies: neither limited nor banned as sources."`
	BanAfter     int            `key:"banAfter" default:"20" check:"min=0,max=1000000" want:"a number from 0 to 1000000" help:"Failed authentications of one source within banFor that ban it; 0 = no bans."`
	BanFor       time.Duration  `key:"banFor" default:"5m" check:"min=1s,max=8760h" want:"a duration from 1s to 8760h" help:"Length of the first ban; each further one is twice as long."`
	BanMax       time.Duration  `key:"banMax" default:"24h" check:"min=1s,max=8760h" want:"a duration from 1s to 8760h" help:"Length of the longest ban. A source that was quiet for so long begins anew."`
	BlacklistKey string         `key:"blacklistKey" check:"omitempty,keyprefix,max=256" want:"at most 256 characters without spaces, control characters, { and }" help:"Key of the Redis set in which drachtio looks for blacklisted addresses: banned sources are in it for the time of their ban; empty = none."`
}

func (c *combiner) abuse(a Abuse) {
	c.refuse(a.BanFor > a.BanMax,
		"is "+describe(a.BanFor)+", more than "+c.name("abuse.banMax")+" with "+describe(a.BanMax),
		"banFor ≤ banMax", "abuse.banFor", "abuse.banMax")
}
