package registration_test

import (
	"testing"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

func TestWhoseCredentialsAreWorthTheCallback(t *testing.T) { // rule 11
	for _, c := range []struct {
		username                string
		user, userOrAOR, anyOne bool
	}{
		{"daveh", true, true, true},
		{"%64aveh", true, true, true},
		{"daveh@example.com", false, true, true},
		{"sip:daveh@EXAMPLE.com.", false, true, true},
		{"DAVEH", false, false, true},
		{"eve", false, false, true},
		{"daveh@other.example", false, false, true},
		{"", false, false, true},
	} {
		r := owned("daveh@example.com", c.username)
		for identity, want := range map[registration.Identity]bool{
			registration.IdentityUser: c.user, registration.IdentityUserOrAOR: c.userOrAOR, registration.IdentityAny: c.anyOne,
			"": c.userOrAOR,
		} {
			if got := (registration.Policy{Identity: identity}).Admits(r); got != want {
				t.Errorf("rule 11: identity %q, user name %q: %t", identity, c.username, got)
			}
		}
	}
	if (registration.Policy{Identity: registration.IdentityAny}).Admits(&registration.Request{}) {
		t.Error("no credentials are anybody's")
	}
}

func TestWhatAnOKIsGoodFor(t *testing.T) { // rule 11
	for _, c := range []struct {
		name     string
		username string
		aors     []string
		want     bool
	}{
		{"the own address", "daveh", nil, true},
		{"another's address", "eve", nil, false},
		{"another's address that is named", "eve", []string{"frank", "daveh@example.com"}, true},
		{"named in another form", "eve", []string{"sip:%64aveh@Example.COM."}, true},
		{"a user of the same domain", "eve", []string{"daveh"}, true},
		{"the same user of another domain", "eve", []string{"daveh@example.org"}, false},
		{"a user in another case", "eve", []string{"Daveh"}, false},
		{"the own address, though others are named", "daveh", []string{"eve"}, true},
		{"an empty list", "eve", []string{}, false},
		{"what is no address", "eve", []string{"", "@", "daveh@", "@example.com"}, false},
	} {
		t.Run("rule 11: "+c.name, func(t *testing.T) {
			p := registration.Policy{Identity: registration.IdentityAny}
			v := p.Confine(owned("daveh@example.com", c.username), registration.Verdict{OK: true, AORs: c.aors})
			if v.OK != c.want || !v.OK && v.Message == "" {
				t.Errorf("%+v", v)
			}
		})
	}
	fail := (registration.Policy{}).Confine(owned("daveh@example.com", "daveh"), registration.Verdict{Message: "no"})
	if fail.OK || fail.Message != "no" {
		t.Errorf("a fail became %+v", fail)
	}
}

func owned(aor, username string) *registration.Request {
	r := &registration.Request{Credentials: &sip.Credentials{Username: username}}
	r.AOR, _ = registration.ParseAOR(aor)
	return r
}
