package redisstore

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

//go:embed spend.lua
var spendSource string

var spendScript = redis.NewScript(nonceSource + spendSource)

// Spend returns what is stored for an AOR, like Load, to a request that changes nothing, and spends the nonce of that
// request. An error that is registration.ErrReplay: another request has spent it. With any other error it is unknown
// whether it is spent; for the same transaction it can be spent again.
func (s *Store) Spend(ctx context.Context, aor registration.AOR, now time.Time, use registration.NonceUse) (registration.State, error) {
	state, err := s.spend(ctx, aor, use)
	if err != nil {
		return registration.State{}, fmt.Errorf("spend nonce and load bindings: %w", err)
	}
	return state.At(now), nil
}

func (s *Store) spend(ctx context.Context, aor registration.AOR, use registration.NonceUse) (registration.State, error) {
	ctx, cancel := s.budget(ctx)
	defer cancel()
	var reply saveReply
	err := s.again(ctx, func() error {
		keys := []string{s.keys.bindings(aor), s.keys.nonces(aor)}
		result, err := spendScript.Run(ctx, s.client, keys, useArguments(use)...).Slice()
		if err == nil {
			reply, err = parseSaveReply(result)
		}
		return err
	})
	switch {
	case err != nil:
		return registration.State{}, err
	case reply.status == statusReplay:
		return registration.State{}, registration.ErrReplay
	}
	return decode(reply.version, reply.document)
}

// useArguments are the words of a use.
func useArguments(use registration.NonceUse) []any {
	if use.IsZero() {
		return []any{"", 0, 0, 0, "", ""}
	}
	return []any{
		use.Nonce, use.Count, use.Minted.UnixMilli(), max(1, use.Life.Milliseconds()),
		short(use.Request), short(use.Transaction),
	}
}

// short makes 12 characters without spaces of any text. Who looks for a second text with the same ones has 32 s.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}
