package drachtio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// written are the ids of the letters that a lane's writer would write now, by transaction.
func written(t testing.TB, n *lane) map[string]string {
	t.Helper()
	ids := map[string]string{}
	batch, more := n.fill(nil)
	if more {
		t.Fatal("more than one batch")
	}
	for frames := NewFrameReader(bytes.NewReader(batch)); ; {
		text, err := frames.ReadFrame()
		if errors.Is(err, io.EOF) {
			return ids
		}
		id, command, err := DecodeCommand(text)
		if err != nil {
			t.Fatal(err)
		}
		ids[command.(Respond).Transaction] = id
	}
}

func TestWhatExpiresBeforeTheWriterTakesItIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newOutbox(10_000)
		lane := box.open("server", nil)
		post := func(a Answer) { box.post("server", lane, a) }
		expired := answerUntil(post, "expired", time.Now().Add(time.Second))
		alive := answerUntil(post, "alive", time.Now().Add(time.Minute))
		wantOnce(t, expired, ErrExpired)
		if got := written(t, lane); len(got) != 1 || got["alive"] == "" {
			t.Errorf("the writer got %v, want the one that is alive", got)
		}
		box.retire()
		lane.close()
		lane.close() // twice is once
		wantOnce(t, alive, ErrClosed)
	})
}

func TestAnOutboxThatIsDoneWithKeepsNothing(t *testing.T) {
	box := newOutbox(10_000)
	post := func(server, transaction string) <-chan error {
		return answer(func(a Answer) { box.post(server, nil, a) }, transaction)
	}
	waiting := post("a", "1")
	lane := box.open("b", nil)
	lane.brings("2")
	confirmed, left := post("b", "2"), post("b", "3")
	confirm := func(id string) bool { return box.confirm(verdict{to: []byte(id), status: OK}) }
	if !confirm(written(t, lane)["2"]) || confirm("unheard of") || confirm(string(box.series.append(nil, 4711))) {
		t.Error("a reply found no answer, or one that does not exist")
	}
	wantOnce(t, confirmed, nil)
	lane.close()
	box.retire()
	wantOnce(t, waiting, ErrClosed)
	wantOnce(t, left, ErrClosed)
	if len(box.letters)+box.size+len(box.waiting)+len(box.lanes)+len(lane.requests) > 0 ||
		box.ages != (row{which: byAge}) || lane.letters != (row{which: byPlace}) || lane.next != nil {
		t.Errorf("it keeps %+v, and the lane %+v", box, lane)
	}
}

// TestTheOldestAnswerGivesWay: memory is bounded, and each answer is told how it ended.
func TestTheOldestAnswerGivesWay(t *testing.T) {
	const room = 10
	one, err := Answer{Transaction: "tx-000", Response: okResponse}.frame([]byte(newID()))
	if err != nil {
		t.Fatal(err)
	}
	box := newOutbox(room * (len(one) + letterOverhead))
	lane := box.open("server", nil)
	var fates []<-chan error
	for i := range 3 * room {
		fates = append(fates, answer(func(a Answer) { box.post("server", nil, a) }, fmt.Sprintf("tx-%03d", i)))
		if i == room {
			written(t, lane) // some are with the server, some wait for the writer
		}
	}
	if len(box.letters) != room || box.size != room*(len(one)+letterOverhead) {
		t.Errorf("it keeps %d letters, %d bytes", len(box.letters), box.size)
	}
	for i, fate := range fates {
		if i < 2*room {
			wantOnce(t, fate, ErrOverflow)
		} else if len(fate) > 0 {
			t.Errorf("answer %d: %v", i, <-fate)
		}
	}
	if got := written(t, lane); len(got) != room {
		t.Errorf("the writer got %d letters, want %d", len(got), room)
	}
	box.retire()
	lane.close()
}

func TestAnAnswerThatIsTooLongForTheBoundIsKeptAlone(t *testing.T) {
	box := newOutbox(1)
	first := answer(func(a Answer) { box.post("server", nil, a) }, "1")
	second := answer(func(a Answer) { box.post("server", nil, a) }, "2")
	wantOnce(t, first, ErrOverflow)
	box.retire()
	wantOnce(t, second, ErrClosed)
}

func TestALaneKnowsWhatItBroughtOnce(t *testing.T) {
	box := newOutbox(10_000)
	lane := box.open("server", nil)
	for _, transaction := range []string{"1", "2", "1", "3", "4", "4"} { // a server can bring one twice
		lane.brings(transaction)
	}
	for _, c := range []struct {
		transaction string
		resent      bool
	}{{"2", false}, {"4", false}, {"1", false}, {"3", false}, {"4", true}, {"never", true}} {
		fate := answer(func(a Answer) { box.post("server", nil, a) }, c.transaction)
		box.confirm(verdict{to: []byte(written(t, lane)[c.transaction]), status: NOK, more: []byte("why|not")})
		var nok *NOKError
		if err := await(t, fate, "the NOK"); !errors.As(err, &nok) || nok.Resent != c.resent || nok.Reason != "why" {
			t.Errorf("%s: Done(%+v), want Resent %t", c.transaction, err, c.resent)
		}
	}
	if len(lane.requests) > 0 || lane.latest != "" {
		t.Errorf("it remembers %v and %q", lane.requests, lane.latest)
	}
	lane.close()
}

func TestALaneRemembersABoundedNumberOfRequests(t *testing.T) {
	box := newOutbox(1)
	lane := box.open("server", nil)
	for i := range maxRequests + 2 {
		lane.brings(strconv.Itoa(i))
	}
	if len(lane.requests) != maxRequests {
		t.Errorf("it remembers %d", len(lane.requests))
	}
	lane.close()
	lane.brings("late")
}
