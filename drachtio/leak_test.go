package drachtio

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// descriptors are how many files and sockets this process has open; 0 where that cannot be told.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// settles waits until a number is at most what it was.
func settles(t *testing.T, what string, number func() int, most int) {
	t.Helper()
	for deadline := time.Now().Add(patient); number() > most; {
		if time.Now().After(deadline) {
			t.Fatalf("%d %s, want at most %d", number(), what, most)
		}
		<-time.After(time.Millisecond)
	}
}

// TestAThousandReconnectsLeaveNothingBehind is promise P21, on both kinds of link: each breaks with an answer under way, and in another
// way than the one before it.
func TestAThousandReconnectsLeaveNothingBehind(t *testing.T) {
	const rounds = 1000
	ways := []func(p *peer){
		func(p *peer) { _ = p.conn.Close() },
		func(p *peer) { p.write([]byte("garbage")) },
		func(p *peer) { p.say(Reply{To: "nobody", Status: OK}); _ = p.conn.Close() },
		func(p *peer) { p.write([]byte("100#half a fra")); _ = p.conn.Close() },
	}
	t.Run("dialled by us", func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		s := newServer(t)
		client, err := NewClient(s.Addr().String(), hasty())
		if err != nil {
			t.Fatal(err)
		}
		heard := newRecorder()
		stop := run(t, func(ctx context.Context) error { return client.Run(ctx, heard) })
		var goroutines, open int
		for i := range rounds {
			p := s.next()
			p.accept()
			p.say(register(fmt.Sprint("tx-", i)))
			client.Answer(Answer{Transaction: (await(t, heard.requests, "the request")).Transaction, Response: okResponse})
			ways[i%len(ways)](p)
			await(t, heard.downs, "LinkDown")
			p.gone()
			_ = p.conn.Close()
			<-heard.ups
			if i == rounds/10 {
				goroutines, open = runtime.NumGoroutine(), descriptors()
			}
		}
		settles(t, "goroutines", runtime.NumGoroutine, goroutines)
		settles(t, "descriptors", descriptors, open)
		stop()
		if len(client.box.letters)+client.box.size+len(client.box.lanes) > 0 {
			t.Errorf("%d answers are kept", len(client.box.letters))
		}
		_ = s.Close()
		goleak.VerifyNone(t, before)
	})
	t.Run("dialled by the server", func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		l, heard := listen(t, ListenOptions{}), newRecorder()
		stop := run(t, func(ctx context.Context) error {
			var all sync.WaitGroup
			defer all.Wait()
			return l.Serve(ctx, func(s *Session) { all.Go(func() { _ = s.Run(ctx, heard) }) })
		})
		var goroutines, open int
		for i := range rounds {
			p := dialListener(t, l)
			if i%5 > 0 { // the others say nothing
				p.welcome()
				<-heard.ups
			}
			ways[i%len(ways)](p)
			await(t, heard.downs, "LinkDown")
			_ = p.conn.Close()
			if i == rounds/10 {
				goroutines, open = runtime.NumGoroutine(), descriptors()
			}
		}
		settles(t, "goroutines", runtime.NumGoroutine, goroutines)
		settles(t, "descriptors", descriptors, open)
		stop()
		if l.guests.count+len(l.guests.sources)+len(l.box.letters)+len(l.box.lanes) > 0 {
			t.Errorf("%d sessions are kept", l.guests.count)
		}
		goleak.VerifyNone(t, before)
	})
}
