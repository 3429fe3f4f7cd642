package support

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sbc-registrar/specs/support/history"

	"github.com/redis/go-redis/v9"
)

// A Reader looks into Redis, past the registrar.
type Reader interface {
	TxPipelined(context.Context, func(redis.Pipeliner) error) ([]redis.Cmder, error)
}

// How often a Town looks into Redis, and how long it waits for what it sees.
const (
	lookEvery = 40 * time.Millisecond
	lookTime  = 500 * time.Millisecond
)

// watcher is the number of the clients that look.
const watcher = 0

// watch looks at every household again and again.
func (t *Town) watch() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for _, h := range t.households {
			_ = h.look(t.reader) // Redis may be away
		}
		select {
		case <-t.stop:
			return
		case <-tick.C:
		}
	}
}

// look enters what Redis has of a household.
func (h *Household) look(reader Reader) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	aor := h.account.User + "@" + h.account.Domain
	var document *redis.StringCmd
	var projection *redis.StringCmd
	o := history.Operation{Client: watcher, Kind: history.Look, Sent: time.Now()}
	_, err := reader.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		document = pipe.HGet(ctx, "{"+aor+"}:bindings", "document")
		projection = pipe.HGet(ctx, aor, "contact")
		return nil
	})
	o.Done = time.Now()
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	var newest string
	if o.Listed, newest, err = h.stored(document.Val()); err != nil {
		h.complain("what is stored: %v", err)
		return err
	}
	if projection.Val() != newest {
		h.complain("other programs read %q, and the newest binding is %q", projection.Val(), newest)
	}
	h.enter(o)
	return nil
}

// stored are the marks of a stored document, and the Contact that other programs are to read.
func (h *Household) stored(document string) (marks map[int]int, newest string, err error) {
	if document == "" {
		return map[int]int{}, "", nil
	}
	var stored struct{ Bindings []struct{ Contact string } }
	if err := json.Unmarshal([]byte(document), &stored); err != nil {
		return nil, "", fmt.Errorf("%w: %s", err, document)
	}
	var contacts []string
	for _, b := range stored.Bindings {
		contacts = append(contacts, b.Contact)
	}
	if marks, err = h.listed(contacts); err == nil && len(contacts) > 0 {
		newest = marked.FindStringSubmatch(contacts[len(contacts)-1])[1]
	}
	return marks, newest, err
}
