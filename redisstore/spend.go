package redisstore

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"time"

	"sbc-registrar/registration"
)

//go:embed spend.lua
var spendSource string

var spendScript = newScript(nonceSource+spendSource, true)

// Spend returns what is stored for an AOR, like Load, to a request that changes nothing, and spends the nonce of that
// request. An error that is registration.ErrReplay: another request has spent it. With any other error it is unknown
// whether it is spent, or will be in a moment; for the same transaction it can be spent again.
func (s *Store) Spend(ctx context.Context, aor registration.AOR, now time.Time, use registration.NonceUse) (registration.State, error) {
	return s.one(ctx, &registration.Query{AOR: aor, Now: now, Use: use})
}

// Load returns what is stored for an AOR, less what has expired at now. Version 0: nothing is stored.
func (s *Store) Load(ctx context.Context, aor registration.AOR, now time.Time) (registration.State, error) {
	return s.one(ctx, &registration.Query{AOR: aor, Now: now})
}

func (s *Store) prepareLoad(j *job, q *registration.Query, w *words) {
	j.call.key = s.keys.bindings(q.AOR)
	begun := w.begin(1)
	w.add(j.call.key, "version", "document")
	j.call.arguments = w.take(begun)
	j.call.arguments[0] = "hmget"
}

// prepareSpend makes the run of spend.lua.
//
// It has no deadline: a nonce that is spent for a client that was told 503 costs that client one more challenge at most.
func (s *Store) prepareSpend(j *job, q *registration.Query, w *words) {
	j.call.key, j.call.script = s.keys.bindings(q.AOR), spendScript
	begun := w.begin(scriptHead)
	w.add(j.call.key, s.keys.nonces(q.AOR))
	j.call.keys = w.since(begun, scriptHead)
	useWords(w, q.Use)
	w.add(map[bool]string{false: "0", true: "1"}[q.Close])
	j.call.arguments = w.take(begun)
}

// found is the result of a query that a server has answered.
func (j *job) found() {
	q := j.operation.(*registration.Query)
	version, document, err := j.call.answer.version, j.call.answer.document, error(nil)
	if j.call.script == nil {
		version, document, err = parseFields(j.call.reply)
	} else if j.call.answer.status == registration.StatusReplay {
		j.end(registration.StatusReplay, registration.ErrReplay)
		return
	}
	var state registration.State
	if err == nil {
		state, err = decode(version, document)
	}
	if err != nil {
		j.end(registration.StatusFailed, err)
		return
	}
	j.result.State = live(state, q.Now)
	if j.call.script != nil && j.call.answer.status == registration.StatusMade {
		j.end(registration.StatusMade, registration.ErrMade)
		return
	}
	j.end(registration.StatusOK, nil)
}

// useWords writes the words of a use.
func useWords(w *words, use registration.NonceUse) {
	if use.IsZero() {
		w.add("", "0", "0", "0", "", "")
		return
	}
	w.add(use.Nonce)
	w.int(int64(use.Count))
	w.epoch(use.Minted)
	w.int(max(1, use.Life.Milliseconds()))
	w.short(use.Request)
	w.worker(use)
}

// worker writes the transaction, and the node that works on it where there may be several.
func (w *words) worker(use registration.NonceUse) {
	w.abridge(use.Transaction, 9)
	if use.Node != "" {
		w.text = append(w.text, '/')
		w.abridge(use.Node, 6)
	}
	w.end()
}

// short writes 12 characters without spaces that stand for any text. Who looks for a second text with the same ones has 32 s.
func (w *words) short(text string) {
	w.abridge(text, 9)
	w.end()
}

// abridge writes characters without spaces that stand for any text, for so many bytes of its hash.
func (w *words) abridge(text string, bytes int) {
	sum := sha256.Sum256([]byte(text))
	w.text = base64.RawURLEncoding.AppendEncode(w.text, sum[:bytes])
}
