package drachtio

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
)

// again reads the same bytes for ever.
type again struct {
	bytes.Reader
}

func (a *again) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		_, err = a.Seek(0, io.SeekStart)
	}
	return n, err
}

func BenchmarkReadAndDecodeRequest(b *testing.B) {
	sip := bytes.Repeat([]byte("x"), 600)
	frame, err := EncodeEvent(newID(), Incoming{
		Size: 600, Protocol: "udp", Source: netip.MustParseAddrPort("192.0.2.1:5060"), At: "06:13:35.879289",
		Transaction: newID(), Received: netip.MustParseAddrPort("192.0.2.2:5060"), SIP: sip,
	})
	if err != nil {
		b.Fatal(err)
	}
	stream := &again{}
	stream.Reset(frame)
	reader := NewFrameReader(stream)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		text, err := reader.Next()
		if err != nil {
			b.Fatal(err)
		}
		if v, err := look(text); err != nil || !v.isIncoming() {
			b.Fatal(err)
		} else if incoming, err := v.incoming(); err != nil {
			b.Fatal(err)
		} else {
			bytes.Clone(incoming.SIP)
		}
	}
}

func BenchmarkEncodeAnswer(b *testing.B) {
	a := Answer{Transaction: newID(), Response: "SIP/2.0 200 OK\r\nCall-ID: ab66fc349c48651407c8fa1a\r\nCSeq: 2 REGISTER\r\n" +
		"From: <sip:1001@sip.example.test>;tag=c78875a130\r\nTo: <sip:1001@sip.example.test>\r\nContent-Length: 0\r\n" +
		"Contact: <sip:1001@127.0.0.1:47908;transport=udp>;expires=60\r\n\r\n"}
	id := []byte(newID())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.frame(id); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPostAndConfirm is the whole way of an answer but for the socket.
func BenchmarkPostAndConfirm(b *testing.B) {
	box := newOutbox(10_000)
	lane := box.open("server", nil)
	a := Answer{Transaction: "tx", Response: okResponse}
	var frame []byte
	b.ReportAllocs()
	for b.Loop() {
		lane.brings("tx")
		box.post("server", nil, a)
		frame, _ = lane.fill(frame[:0])
		_, text, _ := bytes.Cut(frame, []byte("#"))
		if !box.confirm(verdict{to: text[:idLength], status: OK}) {
			b.Fatal("not confirmed")
		}
	}
}
