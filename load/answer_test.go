package load

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

const answerHead = "SIP/2.0 200 OK\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\n"

func TestAnswersAreRead(t *testing.T) {
	g := NewWithT(t)
	var a answer
	text := "SIP/2.0 401 Unauthorized\r\nf: <sip:a@b>;tag=1\r\nt: <sip:a@b;tag=no>\r\ni: x\r\ncseq : 1 REGISTER\r\n" +
		"WWW-Authenticate: Digest realm=\"b\"\r\nwww-authenticate:Digest realm=\"c\"\r\nRetry-After: 12 (later)\r\nEXPIRES: 60\r\n\r\n"
	g.Expect(a.read([]byte(text))).To(BeTrue())
	g.Expect(a.status).To(Equal(401))
	g.Expect(a.retryAfter).To(Equal(12))
	g.Expect(a.expires).To(Equal(60))
	g.Expect(a.challenges).To(HaveLen(2))
	g.Expect(string(a.challenges[1])).To(Equal(`Digest realm="c"`))
	g.Expect(a.missing.any()).To(BeFalse())
	g.Expect(a.tagged).To(BeFalse())
	g.Expect(text[:a.statusEnd]).To(Equal("SIP/2.0 401 Unauthorized\r\n"))
	g.Expect(text[:a.toEnd]).To(HaveSuffix("<sip:a@b;tag=no>"))

	g.Expect(a.read([]byte("SIP/2.0 200 OK\r\n\r\n"))).To(BeTrue())
	g.Expect(a.missing).To(Equal(missing{true, true, true, true}))
	g.Expect(a.challenges).To(BeEmpty())
	g.Expect(a.retryAfter).To(Equal(-1))
}

func TestWhatIsNoAnswerIsNotRead(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":       "",
		"a request":     "REGISTER sip:x SIP/2.0\r\n\r\n",
		"no status":     "SIP/2.0 OK\r\n\r\n",
		"status 999":    "SIP/2.0 999 OK\r\n\r\n",
		"status 99":     "SIP/2.0 99 OK\r\n\r\n",
		"four digits":   "SIP/2.0 2000 OK\r\n\r\n",
		"no empty line": "SIP/2.0 200 OK\r\nX: y\r\n",
		"bare LF":       "SIP/2.0 200 OK\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			var a answer
			NewWithT(t).Expect(a.read([]byte(text))).To(BeFalse())
		})
	}
}

func TestGrants(t *testing.T) {
	for name, test := range map[string]struct {
		headers string
		seconds int
		listed  bool
	}{
		"own line":              {"Contact: <sip:a@10.0.0.1:5060>;expires=60\r\n", 60, true},
		"parameters of the URI": {"Contact: <sip:a@10.0.0.1:5060;transport=tcp;expires=9>;q=1;expires=60\r\n", 60, true},
		"among others":          {"Contact: <sip:a@10.0.0.2:5060>;expires=7, <sip:a@10.0.0.1:5060>;expires=60\r\n", 60, true},
		"before others":         {"Contact: <sip:a@10.0.0.1:5060>, <sip:a@10.0.0.2:5060>;expires=7\r\n", -1, true},
		"on another line":       {"Contact: <sip:a@10.0.0.2:5060>;expires=7\r\nm: <sip:a@10.0.0.1:5060>;EXPIRES=60\r\n", 60, true},
		"quoted":                {"Contact: \"x, \\\" y\" <sip:a@10.0.0.1:5060>;a=\", ;expires=1\";expires=60\r\n", 60, true},
		"Expires":               {"Contact: <sip:a@10.0.0.1:5060>\r\nExpires: 60\r\n", 60, true},
		"no brackets":           {"Contact: sip:a@10.0.0.1:5060;expires=60\r\n", 60, true},
		"another port":          {"Contact: <sip:a@10.0.0.1:50600>;expires=60\r\n", -1, false},
		"nobody":                {"", -1, false},
		"no number":             {"Contact: <sip:a@10.0.0.1:5060>;expires=x\r\n", -1, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var a answer
			g.Expect(a.read([]byte(answerHead + test.headers + "\r\n"))).To(BeTrue())
			seconds, listed := a.granted([]byte("sip:a@10.0.0.1:5060"))
			g.Expect(seconds).To(Equal(test.seconds))
			g.Expect(listed).To(Equal(test.listed))
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(answerHead + "Contact: <sip:a@10.0.0.1:5060>;expires=60\r\n\r\n")
	f.Add("SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"b\", nonce=\"c\", qop=\"auth\"\r\n\r\n")
	f.Add("SIP/2.0 503 x\r\nRetry-After: 99999999999\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		var a answer
		if !a.read([]byte(text)) {
			return
		}
		if a.status < 100 || a.status > 699 || !strings.HasPrefix(text, "SIP/2.0 ") || a.statusEnd > len(text) || a.toEnd > len(text) {
			t.Errorf("%q is read as %+v", text, a)
		}
		if seconds, listed := a.granted([]byte("sip:a@10.0.0.1:5060")); !listed && seconds != -1 || seconds < -1 {
			t.Errorf("%d s, %v", seconds, listed)
		}
		for _, value := range a.challenges {
			_, _ = readChallenge(value)
		}
	})
}
