package edge_test

import (
	"io"
	"strings"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
)

func TestAuthenticateAnnouncesTheAddresses(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	reply := connect(t, server).ask("authenticate|" + secret + "|blue,green")
	addresses := "ws/" + server.Addr(edge.WS).String() + ",tcp/" + server.Addr(edge.TCP).String() +
		",udp/" + server.Addr(edge.UDP).String()
	g.Expect(reply).To(HaveLen(6)) // as recorded: response|id|OK|addresses|version|local addresses
	g.Expect(reply[2:4]).To(Equal([]string{"OK", addresses}))
	g.Expect(reply[4]).To(HavePrefix("v0."))
	g.Expect(reply[5]).To(Equal(addresses))
}

func TestCommandsInOneSegmentAndInPieces(t *testing.T) {
	g := NewWithT(t)
	a := connect(t, start(t, nil))
	_, err := a.conn.Write([]byte("23#id0|authenticate|cymru|8#id1|ping2"))
	g.Expect(err).To(Succeed())
	g.Expect(a.hear()).To(ContainSubstring("|response|id0|OK|"))
	g.Expect(a.hear()).To(HaveSuffix("|response|id1|OK|pong"))
	for _, piece := range strings.Split("3#id2|authenticate|cymru|", "") {
		_, err := a.conn.Write([]byte(piece))
		g.Expect(err).To(Succeed())
	}
	g.Expect(a.hear()).To(ContainSubstring("|response|id2|OK|"))
}

func TestEmptyFrameIsIgnored(t *testing.T) {
	a := connect(t, start(t, nil))
	a.write("")
	NewWithT(t).Expect(a.ask("ping")[2:]).To(Equal([]string{"OK", "pong"}))
}

// The recorded server checks no authentication: neither does this one, so that apps cannot come to rely on it.
func TestCommandsWithoutAuthentication(t *testing.T) {
	g := NewWithT(t)
	a := connect(t, start(t, nil))
	g.Expect(a.ask("ping")[2:]).To(Equal([]string{"OK", "pong"}))
	g.Expect(a.ask("route|register")[2:]).To(Equal([]string{"OK"}))
	g.Expect(a.ask("remove_route|register")[2:]).To(Equal([]string{"OK"}))
	g.Expect(a.ask("remove_route|nosuchverb")[2:]).To(Equal([]string{"OK"}))
}

func TestRefusedFrames(t *testing.T) {
	for name, c := range map[string]struct{ message, reply string }{
		"wrong secret":       {"m|authenticate|wrong|", "response|m|NO|incorrect secret"},
		"longer secret":      {"m|authenticate|cymru2|", "response|m|NO|incorrect secret"},
		"unknown type":       {"m|bogus|x", "response|m|NO|Unknown message type"},
		"one token":          {"justoneToken", "response|justoneToken|NO|Invalid message format"},
		"no transaction id":  {"m|sip||\r\n" + ok200, "response|m|NO|transaction id missing"},
		"authenticate alone": {"m|authenticate", "response|m|NO|Unknown message type"},
	} {
		t.Run(name, func(t *testing.T) {
			a := connect(t, start(t, nil))
			a.write(c.message)
			_, reply, _ := strings.Cut(a.hear(), "|")
			NewWithT(t).Expect(reply).To(Equal(c.reply))
			a.closed()
		})
	}
}

func TestUnreadableStreamsAreClosed(t *testing.T) {
	for name, bytes := range map[string]string{
		"no length":        "abc#hello",
		"six digits":       "123456#hello",
		"longer than 12 k": "12300#m|ping" + strings.Repeat("x", 12294),
	} {
		t.Run(name, func(t *testing.T) {
			a := connect(t, start(t, nil))
			_, err := a.conn.Write([]byte(bytes))
			NewWithT(t).Expect(err).To(Succeed())
			_, err = a.read()
			NewWithT(t).Expect(err).To(Or(MatchError(io.EOF), MatchError(syscall.ECONNRESET)))
		})
	}
}
