package main

import (
	"context"
	"slices"

	"sbc-registrar/config"
)

// A userCount asks Redis how many users are registered in the domains that are configured, and in those whose users have
// registered here: a node that serves every domain knows no others.
type userCount struct {
	configured []string
	seen       func() []string
	ask        func(ctx context.Context, domain string) (int, error)
}

func (u *userCount) count(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	for _, domain := range slices.Concat(u.configured, u.seen()) {
		if _, known := counts[domain]; known {
			continue
		}
		n, err := u.ask(ctx, domain)
		if err != nil {
			return nil, err
		}
		counts[domain] = n
	}
	return counts, nil
}

func (p *program) userCount(s config.Settings) *userCount {
	u := &userCount{configured: slices.Clone(s.Registration.Domains), ask: p.store.Count}
	for _, realm := range s.Realms {
		u.configured = append(u.configured, realm.Names...)
	}
	u.seen = func() []string {
		snapshot, _ := p.snapshot()
		return snapshot.Domains
	}
	return u
}
