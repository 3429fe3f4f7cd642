package drachtio

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestAnswersSurviveTheirConnection(t *testing.T) {
	s := newServer(t)
	client, heard := runClient(t, s.Addr().String(), hasty())
	before := answer(client.Answer, "before") // there is no link yet
	p := s.next()
	p.accept()
	id, _ := hear[Respond](p)
	p.say(sent(id, "before"))
	wantOnce(t, before, nil)

	confirmed, first, second := answer(client.Answer, "confirmed"), answer(client.Answer, "first"), answer(client.Answer, "second")
	id, _ = hear[Respond](p)
	hear[Respond](p)
	hear[Respond](p)
	p.say(sent(id, "confirmed"))
	wantOnce(t, confirmed, nil)
	p.conn.Close()
	await(t, heard.downs, "LinkDown")

	p = s.next()
	p.accept()
	id, respond := hear[Respond](p)
	if respond.Transaction != "first" {
		t.Errorf("it sent %s again, want first", respond.Transaction)
	}
	p.say(sent(id, "first"))
	wantOnce(t, first, nil)
	id, _ = hear[Respond](p)
	p.say(Reply{To: id, Status: NOK, Fields: []string{"Response not sent due to unknown transaction"}})
	var nok *NOKError
	if err := await(t, second, "the NOK"); !errors.As(err, &nok) || !nok.Resent {
		t.Errorf("Done(%v), want a NOK that tells of the first sending", err)
	}
	p.say(register("last"))
	await(t, heard.requests, "the request")
	last := answer(client.Answer, "last")
	if id, respond = hear[Respond](p); respond.Transaction != "last" { // nothing was sent a third time
		t.Errorf("it sent %s again", respond.Transaction)
	}
	p.say(sent(id, "last"))
	wantOnce(t, last, nil)
}

// TestARefusalIsExpectedWhenTheRequestCameByAnotherConnection: after a restart the server knows none of the requests that
// it handed over before; that is no news for anybody.
func TestARefusalIsExpectedWhenTheRequestCameByAnotherConnection(t *testing.T) {
	s := newServer(t)
	client, heard := runClient(t, s.Addr().String(), hasty())
	p := s.next()
	p.accept()
	p.say(register("old"))
	await(t, heard.requests, "the request")
	p.conn.Close()
	await(t, heard.downs, "LinkDown")
	p = s.next()
	p.accept()
	p.say(register("new"))
	await(t, heard.requests, "the request")
	for _, c := range []struct {
		transaction string
		expected    bool
	}{{"old", true}, {"new", false}} {
		fate := answer(client.Answer, c.transaction)
		id, _ := hear[Respond](p)
		p.say(Reply{To: id, Status: NOK, Fields: []string{"Response not sent due to unknown transaction"}})
		var nok *NOKError
		if err := await(t, fate, "the NOK"); !errors.As(err, &nok) || nok.Resent != c.expected {
			t.Errorf("%s: Done(%+v), want Resent %t", c.transaction, err, c.expected)
		}
	}
}

func TestAnswersThatCannotBeSentAreToldAtOnce(t *testing.T) {
	o := hasty()
	o.MaxUnconfirmed = 3 * letterOverhead // room for two
	client, err := NewClient("127.0.0.1:1", o)
	if err != nil {
		t.Fatal(err)
	}
	wantOnce(t, answerUntil(client.Answer, "late", time.Now()), ErrExpired)
	wantOnce(t, answer(client.Answer, "a|b"), ErrMessage)
	for want, response := range map[error]string{
		ErrProvisional: "SIP/2.0 100 Trying\r\n\r\n", ErrResponse: "SIP/2.0 200 OK", ErrTooLong: longResponse(4000),
	} {
		fate := make(chan error, 2)
		client.Answer(Answer{Transaction: "tx", Response: response, Done: func(err error) { fate <- err }})
		wantOnce(t, fate, want)
	}
	client.Answer(Answer{Transaction: "tx", Response: "nobody asks"})
	oldest := answer(client.Answer, "1")
	kept := []<-chan error{answer(client.Answer, "2"), answer(client.Answer, "3")}
	wantOnce(t, oldest, ErrOverflow)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.Run(ctx, newRecorder()); err != nil {
		t.Errorf("Run: %v", err)
	}
	for _, fate := range kept {
		wantOnce(t, fate, ErrClosed)
	}
	wantOnce(t, answer(client.Answer, "4"), ErrClosed)
	if err := client.Run(ctx, newRecorder()); !errors.Is(err, ErrRunning) {
		t.Errorf("the second Run: %v, want ErrRunning", err)
	}
}

func TestEveryAnswerIsToldOnceThroughManyReconnects(t *testing.T) {
	s := newServer(t)
	client, _ := runClient(t, s.Addr().String(), hasty())
	const answers, perLink = 500, 7
	var fates []<-chan error
	for i := range answers {
		fates = append(fates, answer(client.Answer, fmt.Sprint("tx-", i)))
	}
	confirmed := map[string]int{}
	for len(confirmed) < answers {
		p := s.next()
		p.accept()
		for range min(perLink, answers-len(confirmed)) {
			id, respond := hear[Respond](p)
			p.say(sent(id, respond.Transaction))
			confirmed[respond.Transaction]++
		}
		for _, fate := range fates[len(confirmed)-1 : len(confirmed)] {
			wantOnce(t, fate, nil) // the oldest go first; then the link breaks, with the next ones written
		}
		p.conn.Close()
	}
	for transaction, n := range confirmed {
		if n != 1 {
			t.Errorf("%s was sent again after it had been confirmed", transaction)
		}
	}
	for i, fate := range fates[:answers-1] {
		if len(fate) > 1 {
			t.Errorf("answer %d was told twice", i)
		}
	}
}
