package drachtio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
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

// TestAStreamThatGoesNowhereIsClosed: bytes come, and no frame does. The pongs tell: they would have to come in between.
func TestAStreamThatGoesNowhereIsClosed(t *testing.T) {
	trickle := func(text string, every time.Duration) func(*peer) {
		return func(p *peer) {
			p.accept()
			var reading sync.WaitGroup
			reading.Go(func() {
				_ = p.conn.SetReadDeadline(time.Time{})
				_, _ = io.Copy(io.Discard, p.conn)
			})
			for i := 0; ; i++ {
				if _, err := p.conn.Write([]byte{text[i%len(text)]}); err != nil {
					break
				}
				time.Sleep(every)
			}
			reading.Wait()
		}
	}
	for name, serve := range map[string]func(*peer){
		"a frame that never ends": func(p *peer) {
			p.accept()
			p.write([]byte("65000#m|sip|"))
			_ = p.conn.SetReadDeadline(time.Time{})
			_, _ = io.Copy(io.Discard, p.conn)
		},
		"a frame of one byte a second":       trickle("65000#"+strings.Repeat("x", 65000), time.Second),
		"small frames of one byte a second":  trickle("10#m|news|abc", time.Second),
		"small frames of ten bytes a second": trickle("10#m|news|abc", 100*time.Millisecond),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, serve, func(t *testing.T, _ *Client, heard *recorder) {
				<-heard.ups
				began := time.Now()
				if got := <-heard.downs; !errors.Is(got.err, ErrNoPong) || time.Since(began) != 8*time.Second {
					t.Errorf("LinkDown(%v) after %s, want ErrNoPong after 8 s", got.err, time.Since(began))
				}
			})
		})
	}
}

// TestAServerThatReadsSlowlyIsPinged: answers without end must not keep the writer from its other duties.
func TestAServerThatReadsSlowlyIsPinged(t *testing.T) {
	var pinged atomic.Int64 // after so long
	serve := func(p *peer) {
		p.accept()
		_ = p.conn.SetReadDeadline(time.Time{})
		began := time.Now()
		for {
			text, err := p.frames.ReadFrame()
			if err != nil {
				return
			}
			if _, command, _ := DecodeCommand(text); command == (Ping{}) {
				pinged.CompareAndSwap(0, int64(time.Since(began)))
			}
			time.Sleep(5 * time.Millisecond) // a batch of answers takes it about a second
		}
	}
	inBubble(t, serve, func(t *testing.T, client *Client, heard *recorder) {
		<-heard.ups
		for i := range 10_000 {
			client.Answer(Answer{Transaction: fmt.Sprint("tx-", i), Response: okResponse})
		}
		time.Sleep(time.Minute)
		if after := time.Duration(pinged.Load()); after == 0 || after > 7*time.Second {
			t.Errorf("the first ping came after %s", after)
		}
	})
}

// TestAnswersThatAServerDoesNotReadAreSentAgain: it hands over requests and reads nothing.
func TestAnswersThatAServerDoesNotReadAreSentAgain(t *testing.T) {
	const requests = 100
	deaf := true
	answered := make(chan string, 2*requests)
	serve := func(p *peer) {
		p.accept()
		if deaf {
			deaf = false
			for i := range requests {
				p.say(register(fmt.Sprint("tx-", i)))
			}
			return // the pipe stays open
		}
		_ = p.conn.SetReadDeadline(time.Time{})
		for {
			text, err := p.frames.ReadFrame()
			if err != nil {
				return
			}
			if id, command, _ := DecodeCommand(text); command != (Ping{}) {
				answered <- command.(Respond).Transaction
				p.say(sent(id, "tx"))
			}
		}
	}
	inBubble(t, serve, func(t *testing.T, client *Client, heard *recorder) {
		<-heard.ups
		var fates []<-chan error
		for range requests {
			fates = append(fates, answer(client.Answer, (<-heard.requests).Transaction))
		}
		began := time.Now()
		if got := <-heard.downs; !errors.Is(got.err, os.ErrDeadlineExceeded) || time.Since(began) != 2*time.Second {
			t.Errorf("LinkDown(%v) after %s, want a time-out of the write after 2 s", got.err, time.Since(began))
		}
		for i, fate := range fates {
			wantOnce(t, fate, nil)
			if got := <-answered; got != fmt.Sprint("tx-", i) {
				t.Errorf("answer %d is for %s", i, got)
			}
		}
		if len(answered) > 0 {
			t.Errorf("%d answers were sent twice", len(answered))
		}
	})
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
