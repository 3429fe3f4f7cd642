package registration_test

import (
	"slices"
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

// What has expired is gone wherever it stands; what has not keeps its order.
func TestAStateReadsWithoutWhatHasExpired(t *testing.T) {
	for name, c := range map[string]struct{ lifetimes, want []int }{
		"nothing":                     {nil, nil},
		"all living":                  {[]int{3, 1, 2}, []int{3, 1, 2}},
		"all expired":                 {[]int{0, -1}, nil},
		"the first expired":           {[]int{0, 2, 1}, []int{2, 1}},
		"the last expired":            {[]int{2, 1, 0}, []int{2, 1}},
		"one expired in between":      {[]int{2, -1, 1}, []int{2, 1}},
		"every other one has expired": {[]int{5, 0, 4, 0, 3, 0}, []int{5, 4, 3}},
	} {
		var state registration.State
		for _, seconds := range c.lifetimes {
			end := noon.Add(time.Duration(seconds) * time.Second)
			state.Bindings = append(state.Bindings, registration.Binding{Expires: end})
			state.Removed = append(state.Removed, registration.Tombstone{Until: end})
		}
		var bindings, removed []int
		for _, b := range state.At(noon).Bindings {
			bindings = append(bindings, int(b.Expires.Sub(noon).Seconds()))
		}
		for _, grave := range state.At(noon).Removed {
			removed = append(removed, int(grave.Until.Sub(noon).Seconds()))
		}
		if !slices.Equal(bindings, c.want) || !slices.Equal(removed, c.want) {
			t.Errorf("%s: bindings %v and tombstones %v are left, want %v", name, bindings, removed, c.want)
		}
	}
}
