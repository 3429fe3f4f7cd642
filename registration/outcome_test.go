package registration_test

import (
	"testing"
	"time"

	"sbc-registrar/registration"
)

func TestWhySaysTheCauseWithItsDetail(t *testing.T) {
	for want, o := range map[string]registration.Outcome{
		"":                       {},
		"for 60 s":               {Detail: "for 60 s"},
		"store failed":           {Cause: registration.StoreFailed},
		"store failed: no route": registration.Refuse(503, registration.StoreFailed).Because("no route"),
	} {
		if got := o.Why(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhoIsTurnedAwayIsToldWhenToComeBack(t *testing.T) {
	for after, want := range map[time.Duration]string{0: "1", 999 * time.Millisecond: "1", 7500 * time.Millisecond: "7", 2 * time.Minute: "120"} {
		o := registration.Unavailable(registration.Overloaded, after)
		if got := headers(o, "Retry-After"); o.Status != 503 || o.Deed != registration.Failed || len(got) != 1 || got[0] != want {
			t.Errorf("after %s: %d, %s, Retry-After %q, want %s", after, o.Status, o.Deed, got, want)
		}
	}
}

func TestThereIsSomethingToSpendWhereThereIsANonce(t *testing.T) {
	if !(registration.NonceUse{Count: 1}).IsZero() || (registration.NonceUse{Nonce: "n"}).IsZero() {
		t.Error("a use without a nonce is one, or one with a nonce is none")
	}
}

// Of bindings that were refreshed at once the one that was added last is shown.
func TestTheNewestBindingIsShown(t *testing.T) {
	for name, c := range map[string]struct {
		refreshed []int // when, in seconds
		want      int   // which, -1 = none
	}{
		"none":                {nil, -1},
		"the only one":        {[]int{5}, 0},
		"the first":           {[]int{5, 3, 4}, 0},
		"one in between":      {[]int{3, 5, 4}, 1},
		"the last":            {[]int{3, 4, 5}, 2},
		"the last of equals":  {[]int{5, 5, 4}, 1},
		"the first was older": {[]int{4, 5, 5}, 2},
	} {
		var state registration.State
		for i, at := range c.refreshed {
			state.Bindings = append(state.Bindings, registration.Binding{CSeq: uint32(i), Refreshed: noon.Add(time.Duration(at) * time.Second)})
		}
		b, found := state.Newest()
		if found != (c.want >= 0) || found && b.CSeq != uint32(c.want) {
			t.Errorf("%s: %d, found %t; want %d", name, b.CSeq, found, c.want)
		}
	}
}
