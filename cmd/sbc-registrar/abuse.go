package main

import (
	"sbc-registrar/actors"
	"sbc-registrar/config"
	"sbc-registrar/guard"
)

func guardOptions(s config.Abuse) guard.Options {
	return guard.Options{
		SourceRate: s.SourceRate, SourceBurst: s.SourceBurst, AORRate: s.AORRate, AORBurst: s.AORBurst,
		MaxSources: s.MaxSources, Trusted: s.Trusted, BanAfter: s.BanAfter, BanFor: s.BanFor, BanMax: s.BanMax,
	}
}

// startBlacklist begins to keep drachtio's set of blacklisted addresses, if there is one. A ban holds here whether or not it
// can be written there: that is worth a warning, not an error.
func (p *program) startBlacklist(s config.Abuse) {
	if s.BlacklistKey == "" {
		return
	}
	p.blacklist = p.store.Blacklist(s.BlacklistKey, func(err error) {
		p.log.Warn().Str("event", "blacklist.failed").Err(err).Msg("drachtio's blacklist is not up to date")
	})
}

// banList is the port of the actors: a nil *Blacklist in it would not be nil.
func (p *program) banList() actors.Blacklist {
	if p.blacklist == nil {
		return nil
	}
	return p.blacklist
}
