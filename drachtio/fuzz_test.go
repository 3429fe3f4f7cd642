package drachtio

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// FuzzServer is a server that says anything before it accepts the secret and the route, and anything afterwards, and hangs up. The link must
// end for that, with an error that does not hold the secret, and with every answer told once.
func FuzzServer(f *testing.F) {
	incoming, err := EncodeEvent("m", register("tx"))
	if err != nil {
		f.Fatal(err)
	}
	for _, stream := range []string{
		"", "garbage", "65000#x", "65537#", "00001#x", "4#a|b\n", "6#m|news", "30#m|response|x|NO|fuzz-secret-47", string(incoming), string(incoming) + "9",
	} {
		f.Add([]byte(stream), []byte(""))
		f.Add([]byte(""), []byte(stream))
	}
	const secret, brief = "fuzz-secret-4711", 20 * time.Millisecond
	f.Fuzz(func(t *testing.T, early, late []byte) {
		ours, theirs := net.Pipe()
		var server sync.WaitGroup
		defer server.Wait()
		server.Go(func() {
			defer theirs.Close()
			frames := NewFrameReader(theirs)
			agree := func() bool {
				text, err := frames.ReadFrame()
				if err != nil {
					return false
				}
				id, _, _ := DecodeCommand(text)
				reply, _ := EncodeEvent("m", announced.Reply(id))
				_, err = theirs.Write(reply)
				return err == nil
			}
			_ = theirs.SetDeadline(time.Now().Add(brief))
			_ = frames.fill() // the application speaks first
			if _, err := theirs.Write(early); err == nil && agree() && agree() {
				_, _ = theirs.Write(late)
			}
		})
		o := Options{Secret: secret, HandshakeTimeout: brief, WriteTimeout: brief}.withDefaults()
		l, err := shake(context.Background(), ours, o, []string{"register"}, tls.Client)
		if err == nil {
			box := newOutbox(1 << 20)
			lane := box.open("server", nil)
			fate := make(chan error, 2)
			box.post("server", lane, Answer{Transaction: "tx", Response: okResponse, Done: func(err error) { fate <- err }})
			err = l.serve(context.Background(), lane, func(Request) {})
			box.retire()
			lane.close()
			if len(fate) != 1 {
				t.Errorf("the answer was told of %d times", len(fate))
			}
		}
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("the link ended with %v", err)
		}
	})
}
