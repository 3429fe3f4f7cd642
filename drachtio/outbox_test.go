package drachtio

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatExpiresBeforeTheWriterTakesItIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newOutbox(10)
		lane := box.open("server", nil)
		post := func(a Answer) { box.post("server", lane, a) }
		expired := answerUntil(post, "expired", time.Now().Add(time.Second))
		alive := answerUntil(post, "alive", time.Now().Add(time.Minute))
		wantOnce(t, expired, ErrExpired)
		if l := lane.next(); l == nil || l.Transaction != "alive" {
			t.Errorf("the writer got %+v, want the one that is alive", l)
		}
		if l := lane.next(); l != nil {
			t.Errorf("the writer got %s too", l.Transaction)
		}
		box.retire()
		lane.close()
		lane.close() // twice is once
		wantOnce(t, alive, ErrClosed)
	})
}

func TestAnOutboxThatIsDoneWithKeepsNothing(t *testing.T) {
	box := newOutbox(10)
	post := func(server string) <-chan error {
		return answer(func(a Answer) { box.post(server, nil, a) }, "tx")
	}
	waiting := post("a")
	lane := box.open("b", nil)
	confirmed, left := post("b"), post("b")
	if !box.confirm(Reply{To: lane.next().id, Status: OK}) || box.confirm(Reply{To: "unheard of", Status: OK}) {
		t.Error("a reply found no answer, or one that does not exist")
	}
	wantOnce(t, confirmed, nil)
	lane.close()
	box.retire()
	wantOnce(t, waiting, ErrClosed)
	wantOnce(t, left, ErrClosed)
	if len(box.letters)+len(box.waiting)+len(box.lanes) > 0 {
		t.Errorf("it keeps %d letters, %d servers with waiting ones, %d with lanes",
			len(box.letters), len(box.waiting), len(box.lanes))
	}
}
