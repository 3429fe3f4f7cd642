package registration_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sbc-registrar/drachtio"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

func TestEqualAORsShareOneKeyAndUnequalOnesNever(t *testing.T) { // rule 12
	user := rapid.StringMatching(`[ab%]{1,2}`)
	rapid.Check(t, func(t *rapid.T) {
		first := registrationURI(t, user.Draw(t, "first user"), "first")
		second := registrationURI(t, user.Draw(t, "second user"), "second")
		a, err := registration.NewAOR(first)
		b, err2 := registration.NewAOR(second)
		if err != nil || err2 != nil {
			t.Fatalf("%v, %v", err, err2)
		}
		// What a reader of RFC 3261 §10.3 step 5 compares, without anything that the canonical form is made by.
		equal := plainUser(first.User) == plainUser(second.User) && strings.EqualFold(strings.TrimSuffix(first.Host, "."), strings.TrimSuffix(second.Host, "."))
		if (a == b) != equal || (a.String() == b.String()) != equal {
			t.Fatalf("%s and %s have the keys %q and %q", first, second, a, b)
		}
	})
}

// registrationURI writes a user in one of the ways in which it can be written.
func registrationURI(t *rapid.T, user, name string) sip.URI {
	var written strings.Builder
	for i := range len(user) {
		if c := user[i]; c == '%' || rapid.Bool().Draw(t, name+" escaped") {
			fmt.Fprintf(&written, rapid.SampledFrom([]string{"%%%02x", "%%%02X"}).Draw(t, name+" digits"), c)
		} else {
			written.WriteByte(c)
		}
	}
	return sip.URI{
		Scheme: rapid.SampledFrom([]string{"sip", "sips"}).Draw(t, name+" scheme"), User: written.String(),
		Host:   rapid.SampledFrom([]string{"example.com", "EXAMPLE.com", "example.com.", "example.org"}).Draw(t, name+" host"),
		Port:   rapid.IntRange(0, 2).Draw(t, name+" port"),
		Params: rapid.SampledFrom([]sip.Params{nil, {{Name: "transport", Value: "tcp", HasValue: true}}}).Draw(t, name+" params"),
	}
}

// plainUser decodes every escape: there is nothing in the drawn users whose escape differs from the character.
func plainUser(user string) string {
	for c := byte(' '); c < 0x7f; c++ {
		if c != '%' {
			user = strings.ReplaceAll(user, fmt.Sprintf("%%%02x", c), string(c))
			user = strings.ReplaceAll(user, fmt.Sprintf("%%%02X", c), string(c))
		}
	}
	return user
}

// life draws what devices of one AOR send, in any order, under any policy.
type life struct {
	*rapid.T
	policy registration.Policy
	now    time.Time
	state  registration.State
}

func (l *life) drawPolicy() {
	l.policy = registration.DefaultPolicy()
	l.policy.MaxContacts = rapid.IntRange(1, 50).Draw(l.T, "maxContacts")
	l.policy.Crowded = rapid.SampledFrom([]registration.CrowdedPolicy{
		"", registration.EvictOldest, registration.EvictUnreachable, registration.RefuseNew}).Draw(l.T, "crowded")
	l.policy.RaiseExpires = rapid.Bool().Draw(l.T, "raise")
	l.policy.ExpiryJitter = rapid.Float64Range(0, 1).Draw(l.T, "jitter")
	l.policy.GRUU = registration.GRUUPolicy{Offered: rapid.Bool().Draw(l.T, "gruu"), Secret: []byte("secret")}
	if rapid.Bool().Draw(l.T, "serviceRoute") {
		l.policy.ServiceRoute = []string{"<sip:" + strings.Repeat("s", registration.MaxServiceRoute-6) + ">"}
	}
}

func (l *life) contact() string {
	uri := rapid.SampledFrom([]string{"a@h", "a@h;x=1", "a@h;x=2", "%61@H", "a@h;transport=tcp", "b@h:5060", "a@df7.invalid"}).Draw(l.T, "uri")
	contact := "<sip:" + uri + ">"
	if rapid.Bool().Draw(l.T, "has instance") {
		contact += fmt.Sprintf(`;+sip.instance="<urn:uuid:%s%d>"`, rapid.SampledFrom([]string{"a", "A"}).Draw(l.T, "case"), rapid.IntRange(1, 2).Draw(l.T, "instance"))
	}
	if rapid.Bool().Draw(l.T, "has reg-id") {
		contact += fmt.Sprintf(";reg-id=%d", rapid.IntRange(0, 2).Draw(l.T, "reg-id"))
	}
	if wish := rapid.SampledFrom([]int{-1, 0, 10, 30, 100, 1 << 31}).Draw(l.T, "expires"); wish >= 0 {
		contact += fmt.Sprintf(";expires=%d", wish)
	}
	return contact + ";y=" + strings.Repeat("y", rapid.SampledFrom([]int{0, 30, 430}).Draw(l.T, "length"))
}

func (l *life) register(t *testing.T) *registration.Request {
	r := register{
		contacts: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return (&life{T: t}).contact() }), 0, 3).Draw(l.T, "contacts"),
		callID:   rapid.SampledFrom([]string{"c1", "c2", "c3"}).Draw(l.T, "Call-ID"),
		cseq:     rapid.IntRange(1, 6).Draw(l.T, "CSeq"),
		protocol: rapid.SampledFrom([]string{"udp", "tcp", "wss"}).Draw(l.T, "protocol"),
		source:   rapid.SampledFrom([]string{"203.0.113.9:5060", "203.0.113.9:5061"}).Draw(l.T, "source"),
		expires:  rapid.SampledFrom([]string{"", "45", "99999999999"}).Draw(l.T, "Expires"),
		extra: rapid.SampledFrom([]string{
			"", supported, supported + edgePath, "Path: <sip:" + strings.Repeat("p", registration.MaxPath-6) + ">\r\n"}).Draw(l.T, "extra"),
		lot: rapid.Float64Range(0, 0.999).Draw(l.T, "lot"),
	}
	if rapid.IntRange(0, 9).Draw(l.T, "wildcard") == 0 {
		r.contacts, r.expires = []string{"*"}, "0"
	}
	request, _ := r.read(t, l.policy)
	return request
}

func TestWhatDecideNeverDoes(t *testing.T) { // rules 23, 24, 31, 32, 46
	rapid.Check(t, func(rt *rapid.T) {
		l := &life{T: rt, now: noon}
		l.drawPolicy()
		for range rapid.IntRange(1, 30).Draw(l.T, "REGISTERs") {
			l.now = l.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(l.T, "seconds")) * time.Second)
			r := l.register(t)
			if r == nil {
				continue
			}
			verdict := registration.Verdict{OK: true, Expires: time.Duration(rapid.SampledFrom([]int{0, 20, 5000}).Draw(l.T, "verdict")) * time.Second}
			before := fmt.Sprint(l.state)
			o := registration.Decide(l.now, l.state, r, verdict, l.policy)
			if fmt.Sprint(l.state) != before {
				l.Fatal("the state that was decided on has changed")
			}
			l.fitsAFrame(o)
			if o.Next == nil {
				continue
			}
			l.onePerKey(*o.Next)
			l.grantsNoMore(r, verdict, *o.Next)
			l.state = *o.Next
			l.state.Version++
		}
	})
}

func (l *life) onePerKey(s registration.State) {
	for i, a := range s.Bindings {
		for _, b := range s.Bindings[:i] {
			sameFlow := a.RegID != 0 && a.RegID == b.RegID && a.Instance() == b.Instance()
			sameURI := a.RegID == 0 && b.RegID == 0 && a.Contact.URI.Equal(b.Contact.URI)
			if sameFlow || sameURI {
				l.Fatalf("two bindings have one key: %s (%d) and %s (%d)", a.Contact, a.RegID, b.Contact, b.RegID)
			}
		}
	}
	if l.policy.Crowded != registration.RefuseNew && l.policy.Crowded != registration.EvictUnreachable && len(s.Bindings) > l.policy.MaxContacts {
		l.Fatalf("%d bindings, at most %d may be", len(s.Bindings), l.policy.MaxContacts)
	}
}

func (l *life) grantsNoMore(r *registration.Request, v registration.Verdict, s registration.State) {
	for _, b := range s.Bindings {
		if !b.Refreshed.Equal(l.now) || b.CSeq != r.CSeq || b.CallID != r.CallID {
			continue
		}
		asked := time.Duration(0)
		for _, c := range r.Contacts.Addresses {
			one := l.policy.DefaultExpires
			if seconds, ok := c.Expires(); ok {
				one = time.Duration(seconds) * time.Second
			} else if r.Expires != nil {
				one = time.Duration(*r.Expires) * time.Second
			}
			if c.URI.String() == b.Contact.URI.String() {
				asked = max(asked, one)
			}
		}
		if l.policy.RaiseExpires {
			asked = max(asked, l.policy.MinExpires)
		}
		if v.Expires > 0 {
			asked = min(asked, v.Expires)
		}
		if b.Granted > asked || b.Granted <= 0 || b.Expires.Before(b.Refreshed.Add(b.Granted)) {
			l.Fatalf("granted %s until %s, asked for %s", b.Granted, b.Expires, asked)
		}
	}
}

// fitsAFrame encodes the answer with as much of an echo as there can be, and ids longer than they are.
func (l *life) fitsAFrame(o registration.Outcome) {
	echo := []sip.Header{{Name: "From", Value: strings.Repeat("f", 500)}, {Name: "To", Value: strings.Repeat("t", 300)},
		{Name: "Call-ID", Value: strings.Repeat("c", 180)}, {Name: "CSeq", Value: strings.Repeat("1", 20)}}
	text, err := sip.Response{Status: o.Status, Reason: o.Reason, Headers: append(echo, o.Headers...)}.Encode()
	if err != nil {
		l.Fatal(err)
	}
	id := strings.Repeat("i", 64)
	if _, err := drachtio.EncodeCommand(id, drachtio.Respond{Transaction: id, Response: text}); err != nil {
		l.Fatalf("%d bytes do not fit a frame: %v", len(text), err)
	}
	if o.Status >= 500 && o.Reason == "" {
		l.Fatalf("not a clean answer: %d %s", o.Status, o.Why())
	}
}
