package sip_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"sbc-registrar/sip"
	"sbc-registrar/specs/support/torture"
)

// TestTortureMessages holds the verdict on each message of RFC 4475, by its section: no request at all, or a request
// whose header fields can be read but for those that are named. What a registrar answers is in specs/torture_test.go.
func TestTortureMessages(t *testing.T) {
	const noRequest = "no request"
	verdicts := map[string]string{
		// 3.1.1: valid. A registrar is sent no responses.
		"wsinv": "", "intmeth": "", "esc01": "", "escnull": "", "esc02": "", "lwsdisp": "", "longreq": "", "dblreq": "",
		"semiuri": "", "transports": "", "mpart01": "", "unreason": noRequest, "noreason": noRequest,

		// 3.1.2: invalid. What a registrar does not read may be as wrong as it likes: Via, Date, Content-Length, Warning;
		// regbadct lacks angle brackets that can be inferred, as its section allows.
		"badinv01": "", "clerr": "", "ncl": "", "baddate": "", "badaspec": "", "regbadct": "", "escruri": "",
		"scalar02": "CSeq", "quotbal": "To", "mismatch01": "CSeq", "mismatch02": "CSeq",
		"ltgtruri": noRequest, "lwsruri": noRequest, "lwsstart": noRequest, "trws": noRequest, "badvers": noRequest,
		"scalarlg": noRequest, "bigcode": noRequest, "baddn": noRequest,

		"badbranch": "", // 3.2.1

		// 3.3: right in form, wrong in what they ask. A repeated header field is refused where it may stand once.
		"insuf": "To Call-ID", "multi01": "To Call-ID CSeq", "bcast": noRequest, "novelsc": "",
		"unkscm": "", "unksm2": "", "bext01": "", "invut": "", "regaut01": "", "mcl01": "", "zeromf": "", "cparam01": "",
		"cparam02": "", "regescrt": "", "sdp01": "",

		"inv2543": "", // 3.4.1
	}
	messages, err := torture.Messages()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(messages)), slices.Sorted(maps.Keys(verdicts)); !slices.Equal(got, want) {
		t.Fatalf("there are %d messages: %v; %d are judged: %v", len(got), got, len(want), want)
	}
	for name, want := range verdicts {
		request, err := sip.ParseRequest(messages[name])
		switch {
		case err == nil && want == noRequest:
			t.Errorf("%s: read as %s %s", name, request.Method, request.URI)
		case err == nil:
			if got := unreadable(request); got != want {
				t.Errorf("%s: cannot be read: %q, want %q", name, got, want)
			}
		case !errors.Is(err, sip.ErrNotRequest) && !errors.Is(err, sip.ErrURI) || want != noRequest:
			t.Errorf("%s: %v", name, err)
		}
	}
}

// unreadable names the header fields about which a registrar cannot get an answer.
func unreadable(r *sip.Request) string {
	_, to := r.To()
	_, callID := r.CallID()
	_, cseq := r.CSeq()
	_, contacts := r.Contacts()
	_, credentials := r.Authorizations()
	var names []string
	for _, field := range []struct {
		name string
		err  error
	}{{"To", to}, {"Call-ID", callID}, {"CSeq", cseq}, {"Contact", contacts}, {"Authorization", credentials}} {
		if field.err != nil {
			names = append(names, field.name)
		}
	}
	return strings.Join(names, " ")
}

func TestTortureMessagesAreReadInFull(t *testing.T) {
	messages, err := torture.Messages()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"wsinv":    `"Quoted string \"\"" <sip:jdrosen@example.com>;newparam=newvalue;secondparam;q=0.33`,
		"escnull":  "<sip:%00@host5.example.com> | <sip:%00%00@host5.example.com>",
		"esc02":    "<sip:alias1@host1.example.com> | <sip:alias3@host3.example.com>", // C%6Fntact is not Contact
		"cparam01": "<sip:+19725552222@gw1.example.net>;unknownparam",
		"cparam02": "<sip:+19725552222@gw1.example.net;unknownparam>",
		"regescrt": "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>",
		"regbadct": "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>",
		"dblreq":   "<sip:j.user@host.example.com>", // and nothing of the INVITE behind it
	} {
		request := mustParse(t, messages[name])
		if got := contactsOf(request); got != want {
			t.Errorf("%s: contacts %s\nwant %s", name, got, want)
		}
	}
	if request := mustParse(t, messages["dblreq"]); len(request.Body) != 0 {
		t.Errorf("dblreq: body %q", request.Body)
	}
}
