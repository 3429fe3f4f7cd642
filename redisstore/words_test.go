package redisstore

import (
	"slices"
	"testing"
	"time"

	"sbc-registrar/registration"
)

// texts are the words of a command in letters.
func texts(arguments []any) []string {
	var out []string
	for _, argument := range arguments {
		text, _ := argument.(*word).MarshalBinary()
		out = append(out, string(text))
	}
	return out
}

// A key that Redis drops a moment before its registration ends would be a phone that nobody can call: times are rounded up.
func TestTimesAreWrittenRoundedUp(t *testing.T) {
	w := new(words)
	for _, d := range []time.Duration{time.Nanosecond, time.Second, time.Second + 1, 90 * time.Second} {
		w.wholeSeconds(d)
	}
	for _, d := range []time.Duration{-time.Hour, 0, 1, time.Millisecond, time.Millisecond + 1, time.Minute} {
		w.wholeMillis(d)
	}
	w.epoch(time.UnixMilli(1700000000123))
	want := []string{"1", "1", "2", "90", "1", "1", "1", "1", "2", "60000", "1700000000123"}
	if got := texts(w.take(0)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Commands share the memory of one batch, and none reaches into the next.
func TestCommandsAreToldApart(t *testing.T) {
	w := new(words)
	for range 2 { // the second time in memory that was used before
		first := w.begin(2)
		w.add("a", "")
		w.join("b", "c")
		if n := w.since(first, 2); n != 3 {
			t.Errorf("%d words, want 3", n)
		}
		one := w.take(first)
		second := w.begin(0)
		w.int(-7)
		if n := w.since(second, 0); n != 1 {
			t.Errorf("%d words, want 1", n)
		}
		if two := w.take(second); !slices.Equal(texts(two), []string{"-7"}) {
			t.Errorf("the second command is %q", texts(two))
		}
		if len(one) != 5 || one[0] != nil || one[1] != nil || !slices.Equal(texts(one[2:]), []string{"a", "", "bc"}) {
			t.Errorf("the first command is %v", one)
		}
		if _ = append(one, "more"); w.arguments[second] == "more" {
			t.Error("the first command has room in the second")
		}
		w.reset()
	}
}

// Request and transaction are told by 12 characters each, whatever they are.
func TestAUseIsWrittenInSixWords(t *testing.T) {
	minted := time.UnixMilli(1700000000123)
	for _, c := range []struct {
		use  registration.NonceUse
		want []string
	}{
		{registration.NonceUse{}, []string{"", "0", "0", "0", "", ""}},
		{
			registration.NonceUse{Nonce: "n", Count: 17, Minted: minted, Life: 2500 * time.Microsecond, Request: "r", Transaction: "t"},
			[]string{"n", "17", "1700000000123", "2", "RUNJ5CLwUpcZ", "47mKTaMaEn1L"},
		},
		{
			registration.NonceUse{Nonce: "n", Count: 1, Minted: minted},
			[]string{"n", "1", "1700000000123", "1", "47DEQpj8HBSa", "47DEQpj8HBSa"},
		},
	} {
		w := new(words)
		useWords(w, c.use)
		if got := texts(w.take(0)); !slices.Equal(got, c.want) {
			t.Errorf("%+v is %q, want %q", c.use, got, c.want)
		}
	}
}
