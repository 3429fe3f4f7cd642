package drachtio

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// A replay plays the server of a recording to a live client: it says what the server said, byte for byte but for the ids
// of the client's commands, and in the same order.
type replay struct {
	t        testing.TB
	commands map[string]Command // the recorded application's, by id
	verdicts map[string][]Reply // of the recorded server, by transaction, in order
	requests []string           // transactions in order
	events   map[*recorded][]Event
}

func newReplay(t testing.TB, r recording) *replay {
	p := &replay{t: t, commands: map[string]Command{}, verdicts: map[string][]Reply{}, events: map[*recorded][]Event{}}
	for _, c := range r.connections {
		fromApp, _ := framesOf(c.fromApp) // some are malformed
		for _, text := range fromApp {
			if id, command, err := DecodeCommand(text); err == nil {
				p.commands[id] = command
			}
		}
	}
	for _, c := range r.connections {
		fromServer, err := framesOf(c.fromServer)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range fromServer {
			_, event, err := DecodeEvent(text)
			if err != nil {
				t.Fatal(err)
			}
			p.note(c, event)
		}
	}
	return p
}

func (p *replay) note(c *recorded, event Event) {
	p.events[c] = append(p.events[c], event)
	switch e := event.(type) {
	case Incoming:
		p.requests = append(p.requests, e.Transaction)
	case Reply:
		if respond, ok := p.commands[e.To].(Respond); ok {
			p.verdicts[respond.Transaction] = append(p.verdicts[respond.Transaction], e)
		}
	}
}

// serve plays one connection of the recording.
func (p *replay) serve(c *recorded, clientDials bool, with *peer) {
	if len(p.events[c]) == 0 {
		return // the server closed at once, or the application never said a word
	}
	login, _ := hear[Authenticate](with)
	first, _ := p.events[c][0].(Reply)
	if _, asked := p.commands[first.To].(Authenticate); !asked {
		with.say(announced.Reply(login)) // recorded without a secret; our client insists
	}
	routed := !clientDials
	var requests []Event
	for _, event := range p.events[c] {
		reply, isReply := event.(Reply)
		if !isReply {
			routed = routed || with.route(consent)
			requests = append(requests, event)
			continue
		}
		switch p.commands[reply.To].(type) {
		case Authenticate:
			reply.To = login
			with.say(reply)
		case Route:
			routed = routed || with.route(reply)
		default: // a reply to what our client does not send, or to an answer: see answered
			p.answered(with, requests)
			requests = nil
		}
	}
	p.answered(with, requests)
}

// consent is the reply to a command that the recording has no reply to.
var consent = Reply{Status: OK}

// route hears a route and gives the recorded reply.
func (p *peer) route(reply Reply) bool {
	reply.To, _ = hear[Route](p)
	p.say(reply)
	return true
}

// answered says requests, hears their answers and gives the recorded verdicts; without one it confirms.
func (p *replay) answered(with *peer, requests []Event) {
	with.say(requests...)
	var verdicts []Event
	for range requests {
		id, respond := hear[Respond](with)
		verdict := consent
		if recorded := p.verdicts[respond.Transaction]; len(recorded) > 0 {
			verdict = recorded[0]
		}
		verdict.To = id
		verdicts = append(verdicts, verdict)
	}
	with.say(verdicts...)
}

// An answerer is a Handler that answers every request at once.
type answerer struct {
	*recorder
	give  func(Answer)
	fates *fates
}

// fates is what Done was told, by transaction.
type fates struct {
	mu   sync.Mutex
	told map[string][]error
}

func (a answerer) Request(r Request) {
	a.recorder.Request(r)
	a.give(Answer{Transaction: r.Transaction, Response: okResponse, Done: func(err error) {
		a.fates.mu.Lock()
		defer a.fates.mu.Unlock()
		a.fates.told[r.Transaction] = append(a.fates.told[r.Transaction], err)
	}})
}

func TestTheClientSurvivesEveryRecording(t *testing.T) {
	for _, recording := range recordings(t) {
		t.Run(recording.name, func(t *testing.T) {
			replay := newReplay(t, recording)
			s := newServer(t)
			o := hasty()
			client, err := NewClient(s.Addr().String(), o)
			if err != nil {
				t.Fatal(err)
			}
			heard := answerer{newRecorder(), client.Answer, &fates{told: map[string][]error{}}}
			stop := run(t, func(ctx context.Context) error { return client.Run(ctx, heard) })
			for _, connection := range recording.connections {
				if connection.failed {
					continue
				}
				p := s.next()
				replay.serve(connection, true, p) // whoever dialled, here the client does
				p.conn.Close()
				await(t, heard.downs, "LinkDown")
			}
			stop()
			replay.check(heard)
		})
	}
}

func TestTheListenerSurvivesEveryRecordedOutboundConnection(t *testing.T) {
	outbound := 0
	for _, recording := range recordings(t) {
		replay := newReplay(t, recording)
		heard := answerer{recorder: newRecorder(), fates: &fates{told: map[string][]error{}}}
		l := listen(t, ListenOptions{})
		sessions := make(chan *Session, 1)
		stop := run(t, func(ctx context.Context) error {
			var all sync.WaitGroup
			defer all.Wait()
			return l.Serve(ctx, func(s *Session) {
				sessions <- s
				all.Go(func() { _ = s.Run(ctx, answerer{heard.recorder, s.Answer, heard.fates}) })
			})
		})
		served := 0
		for _, connection := range recording.connections {
			if connection.failed || !connection.serverDialed {
				continue
			}
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			await(t, sessions, "the session")
			p := newPeer(t, conn)
			replay.serve(connection, false, p)
			p.conn.Close()
			await(t, heard.downs, "LinkDown")
			served++
		}
		stop()
		if outbound += served; served > 0 {
			replay.check(heard)
		}
	}
	if outbound != 6+10+2 {
		t.Errorf("%d outbound connections, want 18", outbound)
	}
}

// check holds what was heard against the recording: every request in order, each answer's fate told once.
func (p *replay) check(heard answerer) {
	p.t.Helper()
	if len(heard.requests) != len(p.requests) {
		p.t.Fatalf("heard %d requests, want %d", len(heard.requests), len(p.requests))
	}
	given := map[string]int{}
	for _, want := range p.requests {
		got := <-heard.requests
		if got.Transaction != want || !strings.HasPrefix(string(got.SIP), "REGISTER ") || !got.Source.IsValid() ||
			!got.Received.IsValid() || time.Since(got.Arrived) > time.Minute {
			p.t.Errorf("heard %+v, want %s", got, want)
		}
		given[want]++
	}
	heard.fates.mu.Lock()
	defer heard.fates.mu.Unlock()
	for transaction, n := range given {
		fates := heard.fates.told[transaction]
		if len(fates) != n {
			p.t.Errorf("%s: told %d times, want %d: %v", transaction, len(fates), n, fates)
			continue
		}
		var nok *NOKError
		verdicts := p.verdicts[transaction]
		refused := len(verdicts) > 0 && verdicts[0].Status == NOK
		if errors.As(fates[0], &nok) != refused || nok != nil && nok.Reason != verdicts[0].Reason() {
			p.t.Errorf("%s: %v, the recording says %v", transaction, fates[0], verdicts)
		}
	}
}
