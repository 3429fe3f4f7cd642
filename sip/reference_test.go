package sip

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"sbc-registrar/specs/support/torture"
)

// reference is sipgo's parser without parsers of single header fields.
var reference = sipgo.NewParser(sipgo.WithHeadersParsers(map[string]sipgo.HeaderParser{}))

// referHeaders are the header fields as sipgo reads them; false when it takes the text for no request.
func referHeaders(raw string) (headers []Header, body string, ok bool) {
	message, size, err := reference.ParseHeaders([]byte(raw), false)
	parsed, isRequest := message.(*sipgo.Request)
	if err != nil || !isRequest {
		return nil, "", false
	}
	for _, field := range parsed.Headers() {
		if tokenBytes.holds(field.Name()) {
			headers = append(headers, Header{Name: field.Name(), Value: strings.Trim(clean(field.Value()), " ")})
		}
	}
	return headers, raw[size:], true
}

// FuzzReadsAsAnother compares with another parser of SIP: lines are cut, unfolded and split as it does. Of request lines
// each refuses some that the other takes.
func FuzzReadsAsAnother(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sip")
	if err != nil || len(files) == 0 {
		f.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	messages, err := torture.Messages()
	if err != nil {
		f.Fatal(err)
	}
	for _, raw := range messages {
		f.Add(string(raw))
	}
	for _, text := range []string{"A: b\r\n", "A: b\r\n c\r\n\t d \r\n\r\n", "A: b\r\n \r\n c\r\n\r\nbody", "A: b\r\n c", "A: b\r\n c\r", "A:\xa0b\xc2\xa0\r\n\r\n", " a: b\r\n\r\n", "A\r\n\r\n"} {
		f.Add("REGISTER sip:h SIP/2.0\r\n" + text)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		// The same request line for both: what is behind it is compared.
		_, rest, _ := strings.Cut(strings.TrimLeft(raw, "\r\n"), "\r\n")
		raw = "REGISTER sip:h SIP/2.0\r\n" + rest
		if len(raw) > MaxMessage {
			return
		}
		headers, body, ok := referHeaders(raw)
		request, err := ParseRequest([]byte(raw))
		if ok != (err == nil) {
			t.Fatalf("%q is a request there: %v; here: %v", raw, ok, err)
		}
		if !ok {
			return
		}
		if !slices.Equal(request.Headers, headers) {
			t.Fatalf("%q\nhere  %q\nthere %q", raw, request.Headers, headers)
		}
		if got := string(request.Body); got != string(request.cutBody(body)) {
			t.Fatalf("%q has the body %q, want %q", raw, got, body)
		}
	})
}
