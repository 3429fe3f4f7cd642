package drachtio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTheClientAuthenticatesRoutesOnceAndAnswers(t *testing.T) {
	s := newServer(t)
	o := hasty()
	o.Tags = []string{"blue", "green"}
	client, heard := runClient(t, s.Addr().String(), o)
	p := s.next()
	id, login := hear[Authenticate](p)
	if login.Secret != secret || !slices.Equal(login.Tags, o.Tags) {
		t.Errorf("it said %q, %v", login.Secret, login.Tags)
	}
	p.say(announced.Reply(id))
	if id, route := hear[Route](p); route.Verb != "register" {
		t.Errorf("it routed %q", route.Verb)
	} else {
		p.say(ok(id))
	}
	if got := await(t, heard.ups, "LinkUp"); got != announced {
		t.Errorf("LinkUp(%v)", got)
	}
	p.say(register("tx-1"))
	request := await(t, heard.requests, "the request")
	if request.Transaction != "tx-1" || request.Announcement != announced || request.Arrived.IsZero() {
		t.Errorf("the request is %+v", request)
	}
	fate := answer(client.Answer, "tx-1")
	id, respond := hear[Respond](p) // no second route came before it
	if respond.Transaction != "tx-1" || respond.Response != okResponse {
		t.Errorf("it answered %+v", respond)
	}
	p.say(sent(id, "tx-1"))
	wantOnce(t, fate, nil)
}

func TestRepliesMayComeInAnyOrder(t *testing.T) {
	s := newServer(t)
	client, heard := runClient(t, s.Addr().String(), hasty())
	p := s.next()
	p.accept()
	await(t, heard.ups, "LinkUp")
	const n = 20
	var fates []<-chan error
	var ids []string
	for i := range n {
		p.say(register(fmt.Sprint("tx-", i)))
		await(t, heard.requests, "the request")
		fates = append(fates, answer(client.Answer, fmt.Sprint("tx-", i)))
		id, respond := hear[Respond](p)
		if respond.Transaction != fmt.Sprint("tx-", i) {
			t.Fatalf("answer %d is for %s", i, respond.Transaction)
		}
		ids = append(ids, id)
	}
	for i := range slices.Backward(ids) {
		p.say(ok(newID())) // to nobody
		if i%2 == 0 {
			p.say(sent(ids[i], fmt.Sprint("tx-", i)))
			wantOnce(t, fates[i], nil)
			continue
		}
		p.say(Reply{To: ids[i], Status: NOK, Fields: []string{"Response not sent due to unknown transaction"}})
		var nok *NOKError
		err := await(t, fates[i], "the NOK")
		if !errors.As(err, &nok) || nok.Resent || nok.Reason != "Response not sent due to unknown transaction" {
			t.Errorf("answer %d: %v", i, err)
		}
	}
}

func TestBytesMayComeOneByOneOrAllAtOnce(t *testing.T) {
	s := newServer(t)
	_, heard := runClient(t, s.Addr().String(), hasty())
	p := s.next()
	p.welcome()
	id, _ := hear[Route](p)
	p.say(UnknownEvent{Type: "news"}, register("early"), ok(id), register("late"), register("later"))
	await(t, heard.ups, "LinkUp")
	for _, want := range []string{"early", "late", "later"} {
		if got := await(t, heard.requests, want); got.Transaction != want {
			t.Errorf("the request is %s, want %s", got.Transaction, want)
		}
	}
	frame, err := EncodeEvent("id", register("piecemeal"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range frame {
		p.write(frame[i : i+1])
	}
	if got := await(t, heard.requests, "the request"); got.Transaction != "piecemeal" {
		t.Errorf("the request is %s", got.Transaction)
	}
}

func TestARequestIsTheHandlersToKeep(t *testing.T) {
	s := newServer(t)
	_, heard := runClient(t, s.Addr().String(), hasty())
	p := s.next()
	p.accept()
	const requests = 500
	asked := func(i int) Incoming {
		r := register(fmt.Sprint("tx-", i))
		r.At, r.SIP = fmt.Sprint("at-", i), []byte(strings.Repeat(fmt.Sprint("REGISTER ", i), 1+i%50))
		return r
	}
	for i := range requests {
		p.say(asked(i))
	}
	var kept []Request
	for range requests {
		kept = append(kept, await(t, heard.requests, "the request"))
	}
	for i, got := range kept {
		if want := asked(i); got.Transaction != want.Transaction || got.At != want.At || !slices.Equal(got.SIP, want.SIP) {
			t.Fatalf("request %d is %s %s %.20q by now", i, got.Transaction, got.At, got.SIP)
		}
	}
}

func TestGarbageClosesTheLinkAndTheClientDialsAgain(t *testing.T) {
	s := newServer(t)
	_, heard := runClient(t, s.Addr().String(), hasty())
	for name, c := range map[string]struct {
		bytes string
		want  error
	}{
		"no frame":          {"HTTP/1.1 400 Bad Request\r\n\r\n", ErrFrame},
		"an oversized one":  {"65537#", ErrFrame},
		"an endless length": {strings.Repeat("9", 1000), ErrFrame},
		"an empty one":      {"0#", ErrMessage},
		"a bad message":     {"12#justoneToken", ErrMessage},
		"a bad request":     {"15#m|sip|network|x", ErrMessage},
		"a bad status":      {"19#m|response|id|MAYBE", ErrMessage},
	} {
		p := s.next()
		p.accept()
		await(t, heard.ups, "LinkUp")
		p.write([]byte(c.bytes))
		if got := await(t, heard.downs, "LinkDown"); !errors.Is(got.err, c.want) || got.retryIn <= 0 {
			t.Errorf("%s: LinkDown(%v, %s), want %v", name, got.err, got.retryIn, c.want)
		}
		p.gone()
	}
}

func TestAServerThatFloodsOrErrsInTheHandshakeIsLeft(t *testing.T) {
	s := newServer(t)
	_, heard := runClient(t, s.Addr().String(), hasty())
	for name, c := range map[string]struct {
		play func(*peer)
		want error
	}{
		"a request before the secret was accepted": {func(p *peer) {
			id, _ := hear[Authenticate](p)
			p.say(register("tx"), announced.Reply(id))
		}, ErrMessage},
		"a flood before the routes were confirmed": {func(p *peer) {
			p.welcome()
			for range maxEarly + 1 {
				p.say(register("tx"))
			}
		}, ErrMessage},
		"the route is refused": {func(p *peer) {
			p.welcome()
			id, _ := hear[Route](p)
			p.say(Reply{To: id, Status: NO, Fields: []string{"why"}})
		}, ErrRefused},
		"the secret is refused": {func(p *peer) {
			id, _ := hear[Authenticate](p)
			p.say(Reply{To: id, Status: NO, Fields: []string{"incorrect secret"}})
		}, ErrRefused},
		"garbage": {func(p *peer) { p.write([]byte("garbage")) }, ErrFrame},
	} {
		p := s.next()
		c.play(p)
		if got := await(t, heard.downs, "LinkDown"); !errors.Is(got.err, c.want) {
			t.Errorf("%s: LinkDown(%v), want %v", name, got.err, c.want)
		}
		p.conn.Close()
	}
	if len(heard.ups) > 0 || len(heard.requests) > 0 {
		t.Error("a link came up")
	}
}

func TestRemoveRoutesDrains(t *testing.T) {
	s := newServer(t)
	client, heard := runClient(t, s.Addr().String(), hasty())
	p := s.next()
	p.accept()
	await(t, heard.ups, "LinkUp")
	removed := make(chan error, 1)
	go func() { removed <- client.RemoveRoutes(t.Context()) }()
	id, remove := hear[RemoveRoute](p)
	if remove.Verb != "register" {
		t.Errorf("it removed %q", remove.Verb)
	}
	p.say(register("last one"), ok(id))
	if err := await(t, removed, "the consent"); err != nil {
		t.Errorf("RemoveRoutes: %v", err)
	}
	await(t, heard.requests, "the request under way")
	fate := answer(client.Answer, "last one")
	hear[Respond](p)
	p.conn.Close()

	p = s.next()
	p.welcome()
	id, _ = hear[Respond](p) // and no route before it
	p.say(sent(id, "last one"))
	wantOnce(t, fate, nil)
}

func TestRemoveRoutesDuringTheHandshakeIsNotForgotten(t *testing.T) {
	s := newServer(t)
	client, heard := runClient(t, s.Addr().String(), hasty())
	p := s.next()
	p.welcome()
	routed, _ := hear[Route](p)
	if err := client.RemoveRoutes(t.Context()); err != nil {
		t.Errorf("RemoveRoutes: %v", err)
	}
	p.say(ok(routed))
	id, _ := hear[RemoveRoute](p)
	p.say(ok(id))
	await(t, heard.ups, "LinkUp")
}

func TestRemoveRoutesTellsWhyItFailed(t *testing.T) {
	s := newServer(t)
	client, heard := runClient(t, s.Addr().String(), hasty())
	p := s.next()
	p.accept()
	await(t, heard.ups, "LinkUp")
	removed := make(chan error, 1)
	remove := func(ctx context.Context) { removed <- client.RemoveRoutes(ctx) }

	go remove(t.Context())
	id, _ := hear[RemoveRoute](p)
	p.say(Reply{To: id, Status: NO})
	if err := await(t, removed, "the refusal"); !errors.Is(err, ErrRefused) {
		t.Errorf("RemoveRoutes: %v, want ErrRefused", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go remove(ctx)
	hear[RemoveRoute](p)
	cancel()
	if err := await(t, removed, "the end of ctx"); !errors.Is(err, context.Canceled) {
		t.Errorf("RemoveRoutes: %v, want context.Canceled", err)
	}
	go remove(t.Context())
	hear[RemoveRoute](p)
	p.conn.Close()
	if err := await(t, removed, "the end of the link"); err == nil {
		t.Error("RemoveRoutes succeeded on a broken link")
	}
}

func TestNewClientRefusesWhatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		options Options
	}{
		"no port":       {"example.com", Options{Secret: secret}},
		"no secret":     {"example.com:9022", Options{}},
		"a broken tag":  {"example.com:9022", Options{Secret: secret, Tags: []string{"a,b"}}},
		"a broken verb": {"example.com:9022", Options{Secret: secret, Verbs: []string{"REGISTER"}}},
	} {
		if _, err := NewClient(c.address, c.options); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
