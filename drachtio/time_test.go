package drachtio

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs a client in virtual time against servers at the other end of pipes: serve is called for each connection.
func inBubble(t *testing.T, serve func(*peer), body func(*testing.T, *Client, *recorder)) {
	synctest.Test(t, func(t *testing.T) {
		client, heard, stop := pipeClient(t, Options{Secret: secret}, serve, func(r *recorder) Handler { return r })
		body(t, client, heard)
		stop()
	})
}

// pipeClient runs a client whose servers are at the other end of pipes; nobody is when serve is nil. A pipe has no buffer:
// what the server does not read is not written. Stop waits for all of them.
func pipeClient(
	t *testing.T, o Options, serve func(*peer), wrap func(*recorder) Handler,
) (client *Client, heard *recorder, stop func()) {
	client, err := NewClient("pipe:1", o)
	if err != nil {
		t.Fatal(err)
	}
	var servers sync.WaitGroup
	client.dial = func(context.Context, string, time.Duration) (net.Conn, error) {
		if serve == nil {
			return nil, errors.New("nobody there")
		}
		ours, theirs := net.Pipe()
		servers.Go(func() { serve(newPeer(t, theirs)) })
		return ours, nil
	}
	heard = newRecorder()
	end := run(t, func(ctx context.Context) error { return client.Run(ctx, wrap(heard)) })
	return client, heard, func() {
		end()
		servers.Wait()
	}
}

// silent accepts the client, and then reads and says nothing.
func silent(p *peer) {
	p.accept()
	_ = p.conn.SetReadDeadline(time.Time{})
	_, _ = io.Copy(io.Discard, p.conn)
}

// lively accepts the client and answers every ping.
func lively(p *peer) {
	p.accept()
	pong(p)
}

// pong answers every ping, until the other side hangs up.
func pong(p *peer) {
	_ = p.conn.SetReadDeadline(time.Time{})
	for {
		text, err := p.frames.ReadFrame()
		if err != nil {
			return
		}
		if id, command, _ := DecodeCommand(text); command == (Ping{}) {
			frame, _ := EncodeEvent("m", Reply{To: id, Status: OK, Fields: []string{"pong"}})
			_, _ = p.conn.Write(frame) // the other side may have hung up
		}
	}
}

func TestAHalfOpenLinkIsClosedWithinIntervalAndTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(*peer)
		after time.Duration
		want  error
	}{
		"no pong":           {silent, 8 * time.Second, ErrNoPong},
		"nothing gets away": {(*peer).accept, 7 * time.Second, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, c.serve, func(t *testing.T, _ *Client, heard *recorder) {
				<-heard.ups
				began := time.Now()
				if got := <-heard.downs; !errors.Is(got.err, c.want) || time.Since(began) != c.after {
					t.Errorf("LinkDown(%v) after %s, want %v after %s", got.err, time.Since(began), c.want, c.after)
				}
			})
		})
	}
}

func TestALinkIsClosedWhenItsPongMayTakeLongerThanAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Secret: secret, PingInterval: time.Second, PingTimeout: 5 * time.Second}
		_, heard, stop := pipeClient(t, o, silent, func(r *recorder) Handler { return r })
		<-heard.ups
		began := time.Now()
		if got := <-heard.downs; !errors.Is(got.err, ErrNoPong) || time.Since(began) != 6*time.Second {
			t.Errorf("LinkDown(%v) after %s, want ErrNoPong after 6 s", got.err, time.Since(began))
		}
		stop()
	})
}

func TestALinkWithPongsLives(t *testing.T) {
	inBubble(t, lively, func(t *testing.T, _ *Client, heard *recorder) {
		<-heard.ups
		time.Sleep(24 * time.Hour)
		if len(heard.downs) > 0 {
			t.Errorf("LinkDown(%v)", (<-heard.downs).err)
		}
	})
}

func TestHangingUpDoesNotWaitForAPeerThatNoLongerReads(t *testing.T) {
	identity := newIdentity(t)
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		client := tls.Client(ours, &tls.Config{InsecureSkipVerify: true})
		server := tls.Server(theirs, identity.server())
		go func() { _ = server.Handshake() }()
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		hangUp(client)
		if took := time.Since(began); took > goodbye {
			t.Errorf("hanging up took %s", took)
		}
		_ = theirs.Close()
	})
}

func TestAHandshakeHasItsTime(t *testing.T) {
	inBubble(t, func(p *peer) { _, _ = io.Copy(io.Discard, p.conn) }, func(t *testing.T, _ *Client, heard *recorder) {
		began := time.Now()
		got := <-heard.downs
		if !errors.Is(got.err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
			t.Errorf("LinkDown(%v) after %s, want a time-out after 5 s", got.err, time.Since(began))
		}
	})
}

func TestAWrongSecretGoesToTheSlowLane(t *testing.T) {
	refuse := func(p *peer) {
		id, _ := hear[Authenticate](p)
		p.say(Reply{To: id, Status: NO, Fields: []string{"incorrect secret"}})
		_ = p.conn.Close()
	}
	inBubble(t, refuse, func(t *testing.T, _ *Client, heard *recorder) {
		time.Sleep(time.Hour)
		if n := len(heard.downs); n < 60 || n > 121 {
			t.Errorf("%d attempts in an hour, want one in 30 to 60 s", n)
		}
		for range len(heard.downs) {
			got := <-heard.downs
			if !errors.Is(got.err, ErrRefused) || got.retryIn < 30*time.Second || got.retryIn > time.Minute {
				t.Errorf("LinkDown(%v, %s), want ErrRefused and 30 to 60 s", got.err, got.retryIn)
			}
		}
	})
}

func TestAServerThatIsAwayIsNotStormed(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *Client, heard *recorder) {
		bound := 250 * time.Millisecond
		var longest time.Duration
		for range 200 {
			got := <-heard.downs
			if got.retryIn <= 0 || got.retryIn > bound {
				t.Fatalf("the pause is %s, want at most %s", got.retryIn, bound)
			}
			longest = max(longest, got.retryIn)
			bound = min(2*bound, 30*time.Second)
		}
		if longest < 20*time.Second {
			t.Errorf("the longest of 200 pauses is %s: there is no jitter up to 30 s", longest)
		}
	})
}

func TestOnlyAStableLinkResetsTheBackoff(t *testing.T) {
	p := pauses{Backoff: Backoff{}.withDefaults()}
	for range 20 {
		p.next(errors.New("away"), time.Time{})
	}
	p.next(errors.New("away"), time.Now().Add(-59*time.Second))
	if p.bound != p.Max {
		t.Errorf("after a link of 59 s the bound is %s, want %s", p.bound, p.Max)
	}
	p.next(ErrRefused, time.Time{})
	if p.bound != p.Max {
		t.Errorf("after a refusal the bound is %s, want %s", p.bound, p.Max)
	}
	if pause := p.next(errors.New("away"), time.Now().Add(-60*time.Second)); pause > p.First {
		t.Errorf("after a link of 60 s the pause is %s, want at most %s", pause, p.First)
	}
}

func TestAnAnswerExpiresAtItsDeadline(t *testing.T) {
	heardAnswers := make(chan string, 10)
	serve := func(p *peer) {
		time.Sleep(4 * time.Second) // in the handshake: there is no link yet
		p.accept()
		_ = p.conn.SetReadDeadline(time.Time{})
		for {
			text, err := p.frames.ReadFrame()
			if err != nil {
				return
			}
			if _, command, _ := DecodeCommand(text); command != (Ping{}) {
				heardAnswers <- command.(Respond).Transaction
			}
		}
	}
	inBubble(t, serve, func(t *testing.T, client *Client, heard *recorder) {
		began := time.Now()
		unsent := answerUntil(client.Answer, "unsent", began.Add(3*time.Second))
		unconfirmed := answerUntil(client.Answer, "unconfirmed", began.Add(6*time.Second))
		wantOnce(t, unsent, ErrExpired)
		if at := time.Since(began); at != 3*time.Second {
			t.Errorf("the first expired after %s", at)
		}
		<-heard.ups
		wantOnce(t, unconfirmed, ErrExpired)
		if at := time.Since(began); at != 6*time.Second {
			t.Errorf("the second expired after %s", at)
		}
		synctest.Wait()
		if len(heardAnswers) != 1 || <-heardAnswers != "unconfirmed" {
			t.Error("an expired answer was sent, or the other was not")
		}
	})
}

// sleeper is a Handler that takes its time over the first request.
type sleeper struct {
	*recorder
	nap time.Duration
}

func (s sleeper) Request(r Request) {
	time.Sleep(s.nap)
	s.recorder.Request(r)
}

func TestASlowHandlerHoldsUpOnlyTheReader(t *testing.T) {
	for name, c := range map[string]struct {
		nap  time.Duration
		down int
	}{
		"shorter than a pong may take":           {2 * time.Second, 0},
		"longer than an interval and a time-out": {9 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			answered := make(chan string, 1)
			serve := func(p *peer) {
				p.accept()
				p.say(register("tx"))
				_, respond := hear[Respond](p)
				answered <- respond.Transaction
				_ = p.conn.SetReadDeadline(time.Time{})
				_, _ = io.Copy(io.Discard, p.conn) // pings, without a pong
			}
			synctest.Test(t, func(t *testing.T) {
				client, heard, stop := pipeClient(t, Options{Secret: secret}, serve, func(r *recorder) Handler { return sleeper{r, c.nap} })
				<-heard.ups
				fate := answer(client.Answer, "tx") // while the handler sleeps
				synctest.Wait()
				if len(answered) != 1 {
					t.Error("the answer waits for the handler")
				}
				time.Sleep(c.nap)
				synctest.Wait()
				if got := len(heard.downs); got != c.down {
					t.Errorf("the link was lost %d times, want %d", got, c.down)
				}
				stop()
				wantOnce(t, fate, ErrClosed)
			})
		})
	}
}
