package registration_test

import (
	"testing"
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// Whatever a request holds, it is read and decided without a panic, nothing is granted beyond the maximum, and the answer can be written.
func FuzzRegister(f *testing.F) {
	for _, r := range []register{
		{contacts: []string{phone}, extra: supported + edgePath},
		{contacts: []string{flow("a.invalid", instance, 1) + ";q=0.5", device(1) + ";expires=0"}, extra: supported},
		{contacts: []string{"*"}, expires: "0"},
		{contacts: []string{`"a, b" <sip:%61@[::1];pn-prid=x>;+sip.instance="<urn:\"x>";expires=99999999999`}, extra: "Path: <sip:a>,\"b\" <sip:c;ob>;d\r\n"},
		{extra: "Content-Disposition: x;handling=required\r\n", body: "x"},
	} {
		f.Add(r.text())
	}
	p := registration.DefaultPolicy()
	p.GRUU, p.AllowIPDomains = gruuPolicy(), true
	f.Fuzz(func(t *testing.T, text string) {
		msg, err := sip.ParseRequest([]byte(text))
		if err != nil {
			return
		}
		r, o := registration.Read(msg, registration.Envelope{Lot: 0.5}, p)
		if r != nil {
			o = registration.Decide(noon, registration.State{}, r, registration.Verdict{OK: true}, p)
		}
		if _, err := (sip.Response{Status: o.Status, Reason: o.Reason, Headers: o.Headers}).Encode(); err != nil {
			t.Fatalf("the answer cannot be written: %v", err)
		}
		if o.Next == nil {
			return
		}
		for _, b := range o.Next.Bindings {
			if b.Granted > p.MaxExpires || b.Granted < time.Second {
				t.Fatalf("%s is granted %s", b.Contact, b.Granted)
			}
			if back, err := sip.ParseAddress(b.Contact.String()); err != nil || back.String() != b.Contact.String() {
				t.Fatalf("%q comes back as %q, %v", b.Contact, back, err)
			}
		}
	})
}

// Only what was sealed with the secret leads anywhere, and a public GRUU leads to what it says.
func FuzzResolve(f *testing.F) {
	f.Add("sip:daveh@example.com;gr=" + instance)
	f.Add("sip:tgruu.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@example.com;gr")
	f.Add("sips:a%40b@h;gr=%2")
	f.Fuzz(func(t *testing.T, text string) {
		uri, err := sip.ParseURI(text)
		if err != nil {
			return
		}
		found, ok := gruuPolicy().Resolve(uri)
		if !ok {
			return
		}
		aor, err := registration.NewAOR(uri)
		if err != nil || found.AOR != aor || found.Instance == "" {
			t.Fatalf("%q leads to %+v", text, found)
		}
	})
}
