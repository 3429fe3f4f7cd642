package sip_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sbc-registrar/sip"
)

// message writes a REGISTER with these header lines.
func message(lines ...string) []byte {
	return []byte("REGISTER sip:example.com SIP/2.0\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n")
}

func mustParse(t testing.TB, raw []byte) *sip.Request {
	t.Helper()
	request, err := sip.ParseRequest(raw)
	if err != nil {
		t.Fatalf("ParseRequest(%q): %v", raw, err)
	}
	return request
}

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".sip"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// reading is what a registrar asks of a REGISTER, as one comparable line: contacts, and how an error reads.
func contactsOf(r *sip.Request) string {
	contacts, err := r.Contacts()
	if err != nil {
		return "error: " + err.Error()
	}
	var all []string
	if contacts.Wildcard {
		all = append(all, "*")
	}
	for _, address := range contacts.Addresses {
		all = append(all, address.String())
	}
	return strings.Join(all, " | ")
}

func credentialsOf(r *sip.Request) string {
	all, err := r.Authorizations()
	if err != nil {
		return "error: " + err.Error()
	}
	var names []string
	for _, c := range all {
		names = append(names, strings.TrimSpace(c.Scheme+" "+c.Realm+" "+c.QOP+" "+c.NC))
	}
	return strings.Join(names, " | ")
}

func TestTrickyRegisters(t *testing.T) {
	const plain = "<sip:daveh@192.0.2.7>"
	cases := []struct{ file, contacts, credentials string }{
		{"typical", `"Dave, <H>" <sip:daveh@192.0.2.7:5060;transport=udp>;expires=600;` +
			`+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>";reg-id=1`, "Digest example.com auth 00000001"},
		{"compact", plain + ";expires=60 | <sip:daveh@192.0.2.8;transport=tcp>", ""},
		{"folded", `"Dave" ` + plain + ";expires=60", "Digest example.com  0000000A"},
		{"bare-lf-between", plain + ";expires=60", ""},
		{"bare-lf-in-uri", "error: Contact: malformed URI: a character that must be escaped", ""},
		{"injected-header", "error: Contact: malformed parameter: something follows that is none", ""},
		{"nul-in-value", plain, ""},
		{"escaped-crlf", "<sip:da%0d%0aveh@192.0.2.7>", ""},
		{"star-user", "<sip:*@192.0.2.7>", ""},
		{"space-user", "error: Contact: malformed URI: a character that must be escaped", ""},
		{"utf8-user", `"Jürgen ☃" <sip:jürgen@192.0.2.7>`, ""},
		{"empty-user", "<sip:192.0.2.7>", ""},
		{"expires-minus-one", plain + ";expires=-1", ""},
		{"expires-overflow", plain + ";expires=4294967296", ""},
		{"wildcard-no-expires", "*", ""},
		{"wildcard-and-address", "* | " + plain, ""},
		{"no-contact", "", ""},
		{"two-authorizations", "", "Digest other | Basic | Digest example.com"},
		{"duplicate-digest-parameter", "", "error: Authorization: parameter appears more than once: nonce"},
		{"tel-to", "", ""},
		{"latin1-display", "\"J\uFFFDrgen\" <sip:j@192.0.2.7>", ""},
		{"websocket", "<sip:daveh@e2c79caa.invalid;transport=ws>;reg-id=1", ""},
		{"ipv6", "<sip:daveh@[2001:db8::9:1]:5061;transport=tls>", ""},
		{"body", "", ""},
		{"quoted-params", plain + `;methods="INVITE, ACK;x";q=0.5 | "a\"b" <sip:d@192.0.2.8>`, ""},
	}
	files, err := filepath.Glob("testdata/*.sip")
	if err != nil || len(files) != len(cases) {
		t.Errorf("testdata holds %d messages, %d are tested (%v)", len(files), len(cases), err)
	}
	for _, c := range cases {
		request := mustParse(t, readTestdata(t, c.file))
		if got := contactsOf(request); got != c.contacts {
			t.Errorf("%s: contacts %s\nwant %s", c.file, got, c.contacts)
		}
		if got := credentialsOf(request); got != c.credentials {
			t.Errorf("%s: credentials %s\nwant %s", c.file, got, c.credentials)
		}
		if cseq, err := request.CSeq(); err != nil || cseq.Method != "REGISTER" || cseq.Number == 0 {
			t.Errorf("%s: CSeq %v, %v", c.file, cseq, err)
		}
		for _, header := range request.Headers {
			if strings.ContainsAny(header.Value, "\r\n\x00") {
				t.Errorf("%s: %q holds a control character", c.file, header.Value)
			}
		}
	}
}

func TestParseRequestReadsTheRequestLine(t *testing.T) {
	cases := map[string]string{
		"REGISTER sip:example.com SIP/2.0":               "REGISTER sip:example.com",
		"register SIPS:u%40x@[2001:db8::1]:5061 sip/2.0": "register sips:u%40x@[2001:db8::1]:5061",
		"\r\n\r\nOPTIONS tel:+1 SIP/2.0":                 "OPTIONS tel:+1",
	}
	for line, want := range cases {
		request := mustParse(t, []byte(line+"\r\nTo: <sip:a@h>\r\n\r\n"))
		if got := request.Method + " " + request.URI.String(); got != want {
			t.Errorf("%q reads as %q, want %q", line, got, want)
		}
	}
}

func TestParseRequestRefuses(t *testing.T) {
	cases := []struct {
		raw  string
		want error
	}{
		{"", sip.ErrNotRequest},
		{"\r\n\r\n", sip.ErrNotRequest},
		{"hello", sip.ErrNotRequest},
		{"hello\r\n\r\n", sip.ErrNotRequest},
		{"SIP/2.0 200 OK\r\n\r\n", sip.ErrNotRequest},
		{"REGISTER sip:h SIP/2.0\r\n", sip.ErrNotRequest},
		{"REGISTER sip:h SIP/2.0\r\nTo: <sip:a@h>\r\n", sip.ErrNotRequest},
		{"REGISTER sip:h SIP/2.0\nTo: <sip:a@h>\n\n", sip.ErrNotRequest},
		{"REGISTER sip:h SIP/3.0\r\n\r\n", sip.ErrNotRequest},
		{"REGISTER  sip:h SIP/2.0\r\n\r\n", sip.ErrNotRequest},
		{"REGISTER sip:h SIP/2.0 \r\n\r\n", sip.ErrNotRequest},
		{"REG\x00ISTER sip:h SIP/2.0\r\n\r\n", sip.ErrNotRequest},
		{"REGISTER * SIP/2.0\r\n\r\n", sip.ErrNotRequest},
		{"REGISTER sip:a@b@c SIP/2.0\r\n\r\n", sip.ErrURI},
		{"REGISTER sip:a\nb@h SIP/2.0\r\n\r\n", sip.ErrURI},
		{"REGISTER sip:h SIP/2.0\r\nAuthorization secret: x\rX\r\n\r\n", sip.ErrNotRequest},
		{"REGISTER sip:h SIP/2.0\r\nAuthorization Digest secret\r\n\r\n", sip.ErrNotRequest},
		{strings.Repeat("x", sip.MaxMessage+1), sip.ErrTooLarge},
	}
	for _, c := range cases {
		got, err := sip.ParseRequest([]byte(c.raw))
		if !errors.Is(err, c.want) || got != nil {
			t.Errorf("ParseRequest(%.60q) = %v, %v; want %v", c.raw, got, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseRequest(%q) quotes what was sent: %v", c.raw, err)
		}
	}
}

func TestParseRequestTakesTheLongestMessage(t *testing.T) {
	raw := message("X: " + strings.Repeat("x", 100))
	raw = append(raw, bytes.Repeat([]byte("b"), sip.MaxMessage-len(raw))...)
	if request := mustParse(t, raw); request.Body == nil {
		t.Error("no body")
	}
}

func TestParseRequestKeepsNothingOfTheBuffer(t *testing.T) {
	raw := readTestdata(t, "body")
	request := mustParse(t, raw)
	before := request.URI.String() + request.Method + string(request.Body) + contactsOf(request)
	for _, header := range request.Headers {
		before += strings.Clone(header.Name + header.Value)
	}
	for i := range raw {
		raw[i] = '!'
	}
	after := request.URI.String() + request.Method + string(request.Body) + contactsOf(request)
	for _, header := range request.Headers {
		after += header.Name + header.Value
	}
	if before != after {
		t.Errorf("changed with the buffer:\n%s\n%s", before, after)
	}
}

func TestBodyEndsAtContentLength(t *testing.T) {
	cases := []struct{ length, body, want string }{
		{"3", "abcdef", "abc"},
		{"9", "abcdef", "abcdef"},
		{"0", "abcdef", ""},
		{"x", "abcdef", "abcdef"},
		{"99999999999999999999", "a", "a"},
	}
	for _, c := range cases {
		request := mustParse(t, append(message("l: "+c.length), c.body...))
		if got := string(request.Body); got != c.want {
			t.Errorf("Content-Length %s of %q: body %q, want %q", c.length, c.body, got, c.want)
		}
	}
}

func TestHeadersKeepOrderAndNames(t *testing.T) {
	request := mustParse(t, message("m: <sip:a@h>", "uSER-aGENT :  Jürgen\t1 ", "X\nEvil: y", "CONTACT: <sip:b@h>", "Empty:"))
	want := []sip.Header{
		{Name: "m", Value: "<sip:a@h>"}, {Name: "uSER-aGENT", Value: "Jürgen 1"}, {Name: "CONTACT", Value: "<sip:b@h>"}, {Name: "Empty"},
	}
	if !slices.Equal(request.Headers, want) {
		t.Errorf("Headers = %q, want %q", request.Headers, want)
	}
	for _, name := range []string{"Contact", "contact", "m", "M"} {
		if got := request.Values(name); !slices.Equal(got, []string{"<sip:a@h>", "<sip:b@h>"}) {
			t.Errorf("Values(%s) = %q", name, got)
		}
	}
	if value, found := request.Value("User-Agent"); value != "Jürgen 1" || !found {
		t.Errorf("Value(User-Agent) = %q, %v", value, found)
	}
	if value, found := request.Value("Empty"); value != "" || !found {
		t.Errorf("Value(Empty) = %q, %v", value, found)
	}
	if value, found := request.Value("Expires"); value != "" || found {
		t.Errorf("Value(Expires) = %q, %v", value, found)
	}
}

func TestEveryCompactNameIsResolved(t *testing.T) {
	names := map[string]string{
		"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition", "e": "Content-Encoding",
		"f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported", "l": "Content-Length", "m": "Contact",
		"n": "Identity-Info", "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via",
		"x": "Session-Expires", "y": "Identity",
	}
	for compact, name := range names {
		request := mustParse(t, message(compact+": 1", strings.ToUpper(name)+": 2"))
		if got := request.Values(strings.ToLower(name)); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("Values(%s) = %q", name, got)
		}
	}
	if got := mustParse(t, message("g: 1", "!: 2")).Values("!"); !slices.Equal(got, []string{"2"}) {
		t.Errorf(`Values("!") = %q`, got)
	}
}
