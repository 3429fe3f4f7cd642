package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"sbc-registrar/drachtio"
)

func TestTenThousandConnectionsAreToldOfInAFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := newRejections(zerolog.New(&out))
		stranger := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
		for range 5_000 {
			r.tell(stranger, drachtio.ErrStranger)
			r.tell(stranger, fmt.Errorf("handshake: %w", errors.New("read from port 4711")))
		}
		if n := strings.Count(out.String(), "\n"); n != 2 {
			t.Errorf("%d lines, want one for each kind:\n%s", n, out.String())
		}
		<-time.After(rejectionsAgain)
		out.Reset()
		r.tell(stranger, drachtio.ErrStranger)
		if got := out.String(); !strings.Contains(got, `"times":5000`) || strings.Count(got, "\n") != 1 {
			t.Errorf("after a while it says %s", got)
		}
	})
}

func TestARejectionSaysWhatCanBeDone(t *testing.T) {
	remote := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
	for _, test := range []struct {
		remote net.Addr
		err    error
		say    string
	}{
		{nil, fmt.Errorf("accept: %w", syscall.EMFILE), "raise the limit of open files"},
		{nil, fmt.Errorf("accept: %w", syscall.ENFILE), "raise the limit of open files"},
		{nil, errors.New("accept"), "could not be accepted"},
		{remote, drachtio.ErrStranger, "drachtio.allow"},
		{remote, drachtio.ErrFull, "too many"},
		{remote, fmt.Errorf("TLS: %w", drachtio.ErrPin), "drachtio.tls.pins"},
		{remote, drachtio.ErrRefused, "secret"},
		{remote, drachtio.ErrNoRequest, "no request"},
	} {
		if message := describeRejection(test.remote, test.err); !strings.Contains(message, test.say) {
			t.Errorf("%v: %q, want %q", test.err, message, test.say)
		}
	}
}

func TestConnectionsLeaveDescriptorsForOthers(t *testing.T) {
	for descriptors, want := range map[int]int{0: 1024, 16: 8, 64: 16, 1024: 256, 20_000: 1024, 1 << 30: 1024} {
		if got := sessionLimit(descriptors); got != want {
			t.Errorf("of %d descriptors %d are for connections, want %d", descriptors, got, want)
		}
	}
	if descriptorLimit() <= 0 {
		t.Error("the limit is not known here")
	}
}
