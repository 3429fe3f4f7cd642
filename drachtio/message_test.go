package drachtio

import (
	"strings"
	"testing"
)

func TestEveryControlCharacterIsFoundWhereverItIs(t *testing.T) {
	for length := range 20 {
		for i := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("\xFFa ~\x80", length)[:length])
				text[i] = byte(c)
				if want := c < 0x20 || c == 0x7F; hasControl(text) != want || hasControl(string(text)) != want {
					t.Fatalf("%q has a control character: %t, want %t", text, !want, want)
				}
			}
		}
	}
}
