package drachtio

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestASessionCarriesOneRequestAndClosesWhenItIsConfirmed(t *testing.T) {
	for name, verdict := range map[string]func(id string) Reply{
		"sent":     func(id string) Reply { return sent(id, "tx") },
		"not sent": func(id string) Reply { return Reply{To: id, Status: NOK, Fields: []string{"unknown transaction"}} },
	} {
		t.Run(name, func(t *testing.T) {
			heard := newRecorder()
			l := listen(t, ListenOptions{})
			sessions := serve(t, l, heard)
			p := dialListener(t, l)
			session := await(t, sessions, "the session")
			if session.RemoteAddr().String() != p.conn.LocalAddr().String() {
				t.Errorf("RemoteAddr is %s", session.RemoteAddr())
			}
			id, _ := hear[Authenticate](p)
			p.say(announced.Reply(id), register("tx"), register("tx")) // in one segment; twice, as a server can
			if got := await(t, heard.ups, "LinkUp"); got != announced {
				t.Errorf("LinkUp(%v)", got)
			}
			await(t, heard.requests, "the request")
			fate := answer(session.Answer, "tx")
			id, _ = hear[Respond](p) // no route came before it
			if len(heard.downs) > 0 {
				t.Error("it closed before the answer was confirmed")
			}
			p.say(verdict(id))
			err := await(t, fate, "Done")
			var nok *NOKError
			if name == "sent" && err != nil || name == "not sent" && !errors.As(err, &nok) {
				t.Errorf("Done(%v)", err)
			}
			if rest := p.gone(); len(rest) > 0 {
				t.Errorf("it also said %q", rest)
			}
			if got := await(t, heard.downs, "LinkDown"); got != (down{}) {
				t.Errorf("LinkDown(%v, %s), want nothing", got.err, got.retryIn)
			}
		})
	}
}

func TestAnAnswerTravelsOnTheNextConnectionOfItsServer(t *testing.T) {
	heard := newRecorder()
	l := listen(t, ListenOptions{})
	sessions := serve(t, l, heard)
	p := dialListener(t, l)
	p.welcome()
	p.say(register("tx-1"))
	first := await(t, sessions, "the session")
	await(t, heard.requests, "the request")
	early := answer(first.Answer, "tx-1")
	hear[Respond](p)
	p.conn.Close()
	await(t, heard.downs, "LinkDown")
	late := answer(first.Answer, "tx-late") // given when the connection is gone

	p = dialListener(t, l)
	p.welcome()
	id, respond := hear[Respond](p)
	if respond.Transaction != "tx-1" {
		t.Errorf("it sent %s, want tx-1", respond.Transaction)
	}
	p.say(sent(id, "tx-1"))
	wantOnce(t, early, nil)
	id, _ = hear[Respond](p)
	p.say(register("tx-2"))
	await(t, heard.requests, "the request")
	own := answer(await(t, sessions, "the session").Answer, "tx-2")
	ownID, _ := hear[Respond](p)
	p.say(sent(ownID, "tx-2"))
	wantOnce(t, own, nil)
	if len(heard.downs) > 0 {
		t.Error("it closed before the other's answer was confirmed")
	}
	p.say(sent(id, "tx-late"))
	wantOnce(t, late, nil)
	p.gone()
}

func TestAnAnswerMovesToAnOpenConnectionOfItsServer(t *testing.T) {
	heard := newRecorder()
	l := listen(t, ListenOptions{})
	sessions := serve(t, l, heard)
	p, other := dialListener(t, l), dialListener(t, l)
	p.welcome()
	await(t, heard.ups, "LinkUp")
	other.welcome()
	await(t, heard.ups, "LinkUp")
	p.say(register("tx"))
	await(t, heard.requests, "the request")
	fate := answer(await(t, sessions, "the session").Answer, "tx")
	hear[Respond](p)
	p.conn.Close()
	id, respond := hear[Respond](other)
	if respond.Transaction != "tx" {
		t.Errorf("it sent %s", respond.Transaction)
	}
	other.say(sent(id, "tx"))
	wantOnce(t, fate, nil)
}

func TestARefusedAnswerLeavesTheSessionOpenForABetterOne(t *testing.T) {
	heard := newRecorder()
	l := listen(t, ListenOptions{})
	sessions := serve(t, l, heard)
	p := dialListener(t, l)
	p.welcome()
	p.say(register("tx"))
	await(t, heard.requests, "the request")
	session := await(t, sessions, "the session")
	fate := make(chan error, 2)
	session.Answer(Answer{Transaction: "tx", Response: "nonsense", Done: func(err error) { fate <- err }})
	wantOnce(t, fate, ErrResponse)
	better := answer(session.Answer, "tx")
	id, _ := hear[Respond](p)
	p.say(sent(id, "tx"))
	wantOnce(t, better, nil)
	p.gone()
}

func TestASessionThatGetsStuckEnds(t *testing.T) {
	for name, c := range map[string]struct {
		play  func(*peer)
		after time.Duration
		want  error
	}{
		"no authentication": {func(p *peer) { hear[Authenticate](p) }, 5 * time.Second, context.DeadlineExceeded},
		"no request": {func(p *peer) {
			p.welcome()
			pong(p)
		}, 5 * time.Second, ErrNoRequest},
		"no answer": {func(p *peer) {
			p.welcome()
			p.say(register("tx"))
			pong(p)
		}, 64 * time.Second, ErrUnanswered},
	} {
		t.Run(name, func(t *testing.T) {
			inListenerBubble(t, func(t *testing.T, from *pipes, heard *recorder, rejected <-chan error) {
				began := time.Now()
				p := from.dial(t)
				var server sync.WaitGroup
				server.Go(func() { c.play(p) })
				if got := <-heard.downs; !errors.Is(got.err, c.want) || time.Since(began) != c.after {
					t.Errorf("LinkDown(%v) after %s, want %v after %s", got.err, time.Since(began), c.want, c.after)
				}
				_ = p.conn.Close()
				server.Wait()
				synctest.Wait()
				if len(rejected) > 0 != (name != "no answer") {
					t.Errorf("%d were rejected, want those that brought no request", len(rejected))
				}
			})
		})
	}
}
