package edge

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// FuzzAnswer looks for answers of apps that make a response which is none, or which answers another request.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"SIP/2.0 200 OK\r\n\r\n",
		"SIP/2.0 401 Unauthorized\r\nf: <sip:a@b>;tag=1\r\nt: \"x;tag=2>\" <sip:a@b;tag=3>; TAG = 4\r\nv: SIP/2.0/UDP evil\r\n\r\n",
		"SIP/2.0 423 Interval Too Brief\r\nMin-Expires: 60\r\nl: 4\r\n\r\nbody",
		"SIP/2.0 200 OK\r\nContact: *, <sip:a@b>;q=0.5,sip:c\r\nEXPIRES: 4294967296\r\n\r\n",
		"SIP/2.0 200 OK\r\nTo: a\r\n To: folded\r\nCall-ID\t: x\r\nCSeq: \x00\r\n\r\n",
	} {
		f.Add(seed)
	}
	message, err := requests.ParseSIP([]byte("REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n" +
		"From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n"))
	if err != nil {
		f.Fatal(err)
	}
	t0 := &transaction{request: message.(*sip.Request)}
	f.Fuzz(func(t *testing.T, text string) {
		answer, err := parseAnswer(text)
		if err != nil {
			return
		}
		sent := t0.fill(answer).String()
		if !strings.HasPrefix(sent, "SIP/2.0 ") {
			t.Errorf("no status line: %q", sent)
		}
		read, err := requests.ParseSIP([]byte(sent))
		if err != nil {
			t.Fatalf("not readable: %v: %q", err, sent)
		}
		response, ok := read.(*sip.Response)
		if !ok || len(fields(response.Headers(), "Via")) != 1 || response.Via().Params.GetOr("branch", "") != "z9hG4bK1" {
			t.Errorf("not for the request: %q", sent)
		}
		for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Content-Length"} {
			if n := len(fields(response.Headers(), name)); n != 1 {
				t.Errorf("%d %s: %q", n, name, sent)
			}
		}
		if to := fields(response.Headers(), "To")[0]; response.StatusCode > 100 && !tagged(to) {
			t.Errorf("no tag in %q", to)
		}
	})
}
