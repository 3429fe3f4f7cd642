package authhook

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

func TestSeedBodyIsByteExact(t *testing.T) {
	const want = `{"method":"REGISTER","expires":3600,"scheme":"digest","username":"daveh","realm":"example.com",` +
		`"nonce":"bm9uY2U=","uri":"sip:example.com","response":"133da794c20811ce5d7451aef6bde732","algorithm":"MD5",` +
		`"qop":"auth","nc":"00000001","cnonce":"6a86b577"}`
	if got := bodyOf(writeSeed, question(), time.Hour); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestJambonzBodyIsByteExact(t *testing.T) {
	const want = `{"source_address":"192.0.2.9","source_port":5062,"method":"REGISTER","headers":{` +
		`"via":"SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK1",` +
		`"from":"\"Dave <&> \\\"H\\\"\" <sip:daveh@example.com>;tag=1",` +
		`"contact":"<sip:daveh@192.0.2.9:5062>,<sip:daveh@192.0.2.10>","X-Customer":"é",` +
		`"p-asserted-identity":"<sip:daveh@example.com>"},"expires":0,"scheme":"digest","username":"daveh",` +
		`"realm":"example.com","nonce":"bm9uY2U=","uri":"sip:example.com","algorithm":"MD5",` +
		`"response":"133da794c20811ce5d7451aef6bde732","qop":"auth","nc":"00000001","cnonce":"6a86b577","opaque":"op"}`
	if got := bodyOf(writeJambonz, question(), 0); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhatTheClientLeftOutIsLeftOut(t *testing.T) {
	r := question()
	c := r.Credentials
	c.Algorithm, c.QOP, c.NC, c.CNonce, c.Opaque = "", "", "", "", ""
	const seed = `{"method":"REGISTER","expires":59,"scheme":"digest","username":"daveh","realm":"example.com",` +
		`"nonce":"bm9uY2U=","uri":"sip:example.com","response":"133da794c20811ce5d7451aef6bde732","algorithm":"MD5"}`
	if got := bodyOf(writeSeed, r, 59*time.Second+999*time.Millisecond); got != seed {
		t.Errorf("got  %s\nwant %s", got, seed)
	}
	r.SIP.Headers = nil
	const jambonz = `{"source_address":"192.0.2.9","source_port":5062,"method":"REGISTER","headers":{},"expires":59,` +
		`"scheme":"digest","username":"daveh","realm":"example.com","nonce":"bm9uY2U=","uri":"sip:example.com",` +
		`"algorithm":"MD5","response":"133da794c20811ce5d7451aef6bde732"}`
	if got := bodyOf(writeJambonz, r, 59*time.Second); got != jambonz {
		t.Errorf("got  %s\nwant %s", got, jambonz)
	}
}

// The expected text is what JSON.stringify of Node.js 20 prints for these strings.
func TestJSONIsThatOfJavaScript(t *testing.T) {
	var w jsonWriter
	w.open()
	w.text("a\"b", "<&>'\\/\b\t\n\f\r\x00\x1f\x7f\u0085\u2028\u2029\U0001F600é")
	w.text("latin", "J\xfcrgen")
	w.number("n", 0)
	w.end()
	got := string(w.bytes)
	const want = `{"a\"b":"<&>'\\/\b\t\n\f\r\u0000\u001f` + "\x7f\u0085\u2028\u2029\U0001F600é" + `","latin":"J` + "\ufffd" + `rgen","n":0}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var back map[string]any
	if err := json.Unmarshal([]byte(got), &back); err != nil || back["n"] != 0.0 {
		t.Errorf("it reads back as %v, %v", back, err)
	}
}

func TestQueryKeepsOrderAndEscapes(t *testing.T) {
	r := question()
	r.Credentials.Username = "da ve+h&x=1/é~\xfc"
	const username = "da%20ve%2Bh%26x%3D1%2F%C3%A9~%EF%BF%BD"
	for _, c := range []struct{ name, got, want string }{
		{"seed", queryOf(writeSeed, r, time.Hour), "method=REGISTER&expires=3600&scheme=digest&username=" + username +
			"&realm=example.com&nonce=bm9uY2U%3D&uri=sip%3Aexample.com&response=133da794c20811ce5d7451aef6bde732" +
			"&algorithm=MD5&qop=auth&nc=00000001&cnonce=6a86b577"},
		{"jambonz", queryOf(writeJambonz, r, time.Hour), "source_address=192.0.2.9&source_port=5062&method=REGISTER" +
			"&expires=3600&scheme=digest&username=" + username + "&realm=example.com&nonce=bm9uY2U%3D" +
			"&uri=sip%3Aexample.com&algorithm=MD5&response=133da794c20811ce5d7451aef6bde732&qop=auth&nc=00000001" +
			"&cnonce=6a86b577&opaque=op"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.got != c.want {
				t.Errorf("got  %s\nwant %s", c.got, c.want)
			}
		})
	}
}

func TestHeaderNamesAreThoseOfNode(t *testing.T) {
	for sent, want := range map[string]string{
		"Call-ID": "call-id", "CSEQ": "cseq", "v": "via", "T": "to", "i": "call-id", "k": "supported", "e": "content-encoding",
		"X-Foo": "X-Foo", "x-foo": "x-foo", "P-Charging-Vector": "P-Charging-Vector", "p-early-media": "p-early-media",
		"P-Asserted-Identity": "p-asserted-identity", "Diversion": "Diversion", "diversion": "diversion",
	} {
		if got := headerName(sent); got != want {
			t.Errorf("%s: got %s, want %s", sent, got, want)
		}
	}
}

func TestSourceOfAMappedAddressIsIPv4(t *testing.T) {
	r := question()
	r.Flow = registration.Flow{}
	r.SIP = &sip.Request{Method: "REGISTER"}
	if err := r.Flow.Source.UnmarshalText([]byte("[::ffff:192.0.2.9]:7")); err != nil {
		t.Fatal(err)
	}
	if got := queryOf(writeJambonz, r, 0); !strings.HasPrefix(got, "source_address=192.0.2.9&") {
		t.Errorf("the question is %s", got)
	}
}
