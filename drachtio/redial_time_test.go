package drachtio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

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

// hangsUp is a server whose port somebody else keeps open: a connection is made and closed without a word.
func hangsUp(p *peer) {
	hear[Authenticate](p)
	_ = p.conn.Close()
}

// TestAServerThatListensAgainIsFoundWithin2s is promise P15: whatever the outage was, the client is back within two seconds.
func TestAServerThatListensAgainIsFoundWithin2s(t *testing.T) {
	for name, c := range map[string]struct {
		away   func(*peer) // nil = nobody listens
		outage time.Duration
	}{
		"nobody listened for a second":           {nil, time.Second},
		"nobody listened for 5 s":                {nil, 5 * time.Second},
		"nobody listened for 20 s":               {nil, 20 * time.Second},
		"nobody listened for an hour":            {nil, time.Hour},
		"a proxy that hung up listened for 5 s":  {hangsUp, 5 * time.Second},
		"a proxy that hung up listened for 20 s": {hangsUp, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { outage(t, c.away, c.outage) })
		})
	}
}

// outage is a server that serves for two minutes, is away, and must then have its client back in time.
func outage(t *testing.T, play func(*peer), length time.Duration) {
	client, err := NewClient("pipe:1", Options{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	var away atomic.Bool
	var servers sync.WaitGroup
	served := make(chan *peer, 10)
	client.dial = func(context.Context, string, time.Duration) (net.Conn, error) {
		if away.Load() && play == nil {
			return nil, syscall.ECONNREFUSED
		}
		ours, theirs := net.Pipe()
		p := newPeer(t, theirs)
		if away.Load() {
			servers.Go(func() { play(p) })
			return ours, nil
		}
		servers.Go(func() { lively(p) })
		served <- p
		return ours, nil
	}
	heard := newRecorder()
	stop := run(t, func(ctx context.Context) error { return client.Run(ctx, heard) })
	<-heard.ups
	time.Sleep(2 * time.Minute)
	away.Store(true)
	_ = (<-served).conn.Close()
	time.Sleep(length)
	away.Store(false)
	back := time.Now()
	<-heard.ups
	if took := time.Since(back); took > 2*time.Second {
		t.Errorf("the link was up %s after the server", took)
	}
	stop()
	servers.Wait()
}

// TestTheBoundsOfThePauses is promise P16. The pauses are random: the bounds are looked at.
func TestTheBoundsOfThePauses(t *testing.T) {
	refused := tagged{errors.New("nobody there"), errAbsent}
	silence := tagged{io.EOF, errWordless}
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		err     error
		bounds  []int // of the first pauses, milliseconds
		longest time.Duration
	}{
		"nobody there":             {refused, []int{250, 500, 1000, 2000, 2000, 2000}, 2 * time.Second},
		"closed without a word":    {silence, []int{250, 500, 1000, 2000, 2000, 2000}, 30 * time.Second},
		"there, and no link lasts": {broken, []int{250, 500, 1000, 2000, 4000, 8000, 16000, 30000}, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pauses{Backoff: Backoff{}.withDefaults()}
				var longest time.Duration
				for i := range 1000 {
					pause := p.next(c.err, time.Time{})
					if i < len(c.bounds) && int(pause.Milliseconds()) > c.bounds[i] || pause > c.longest || pause <= 0 {
						t.Fatalf("pause %d is %s", i, pause)
					}
					longest = max(longest, pause)
					time.Sleep(pause)
				}
				if longest < c.longest*9/10 {
					t.Errorf("the longest of 1000 pauses is %s: there is no jitter up to %s", longest, c.longest)
				}
			})
		})
	}
}

func TestAProxyWhoseServerIsAwayIsAskedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pauses{Backoff: Backoff{}.withDefaults()}
		began := time.Now()
		for time.Since(began) < time.Hour {
			pause := p.next(tagged{io.EOF, errWordless}, time.Time{})
			if limit := max(2*time.Second, time.Since(began)/10); pause > limit {
				t.Fatalf("the pause is %s after an outage of %s", pause, time.Since(began))
			}
			time.Sleep(pause)
		}
	})
}

func TestOnlyAStableLinkResetsTheBackoff(t *testing.T) {
	p := pauses{Backoff: Backoff{}.withDefaults()}
	broken, refused := errors.New("broken"), tagged{errors.New("nobody there"), errAbsent}
	for range 20 {
		p.next(broken, time.Time{})
	}
	p.next(broken, time.Now().Add(-59*time.Second))
	if p.present != p.Max {
		t.Errorf("after a link of 59 s the bound is %s, want %s", p.present, p.Max)
	}
	for range 20 {
		p.next(refused, time.Time{})
	}
	if p.present != p.Max {
		t.Errorf("after an absence the bound is %s, want %s", p.present, p.Max)
	}
	p.next(ErrRefused, time.Time{})
	if p.present != p.Max {
		t.Errorf("after a refusal the bound is %s, want %s", p.present, p.Max)
	}
	if pause := p.next(broken, time.Now().Add(-60*time.Second)); pause > p.First {
		t.Errorf("after a link of 60 s the pause is %s, want at most %s", pause, p.First)
	}
}

func TestAServerThatIsAwayIsToldOfOnceInAWhile(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *Client, heard *recorder) {
		time.Sleep(10 * time.Minute)
		if n := len(heard.downs); n < 19 || n > 21 {
			t.Errorf("LinkDown was called %d times in 10 minutes, want once in 30 s", n)
		}
	})
}

func TestAnotherFailureIsNews(t *testing.T) {
	reset := func(port int) error {
		return fmt.Errorf("handshake: %w", &net.OpError{Op: "read", Source: &net.TCPAddr{Port: port}, Err: syscall.ECONNRESET})
	}
	var g grievance
	for _, c := range []struct {
		err  error
		news bool
	}{
		{reset(1), true},
		{reset(2), false},
		{errors.New("another"), true},
		{errors.New("another"), false},
		{reset(1), true},
		{tagged{reset(1), errWordless}, true},
		{tagged{io.EOF, errWordless}, false},
		{reset(1), true},
	} {
		if got := g.tell(c.err, time.Hour); got != c.news {
			t.Errorf("%v is told: %t, want %t", c.err, got, c.news)
		}
	}
	if g.forget(); !g.tell(reset(1), time.Hour) {
		t.Error("after a link the same failure is no news")
	}
}
