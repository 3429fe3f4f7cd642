package drachtio

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestIDsAreRandomUUIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newID()
		if parsed, err := uuid.Parse(id); err != nil || parsed.Version() != 4 || parsed.Variant() != uuid.RFC4122 || seen[id] {
			t.Fatalf("%s is no new UUID of version 4 (%v)", id, err)
		}
		seen[id] = true
	}
}

func TestIDsOfASeriesAreUUIDsThatHoldANumber(t *testing.T) {
	s, other := newSeries(), newSeries()
	for _, number := range []uint64{0, 1, 0xABCDEF, 1<<48 - 1} {
		id := s.append(nil, number)
		if parsed, err := uuid.ParseBytes(id); err != nil || parsed.Version() != 8 || parsed.Variant() != uuid.RFC4122 {
			t.Errorf("%s is no UUID of version 8 (%v)", id, err)
		}
		if got, ok := s.number(id); !ok || got != number {
			t.Errorf("%s holds %d, %t; want %d", id, got, ok, number)
		}
		if _, ok := other.number(id); ok {
			t.Errorf("%s is of another series, too", id)
		}
	}
	for _, id := range []string{"", "x", newID(), string(s), string(s) + "1", string(s) + "00000000000g", string(s) + strings.Repeat("0", 13)} {
		if number, ok := s.number([]byte(id)); ok {
			t.Errorf("%q holds %d", id, number)
		}
	}
}
