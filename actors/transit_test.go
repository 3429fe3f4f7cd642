package actors

import (
	"fmt"
	"testing"
	"time"
)

func TestTransitTellsWhatIsLate(t *testing.T) {
	const ms = time.Millisecond
	var way transit
	for i, step := range []struct{ sent, read, late time.Duration }{
		{0, 5000 * ms, 0},             // whatever the clocks say
		{100 * ms, 5102 * ms, 2 * ms}, // 2 ms more than the fastest
		{200 * ms, 5199 * ms, 0},      // faster than all
		{300 * ms, 8300 * ms, 3001 * ms},
		{11 * time.Second, 16 * time.Second, 1 * ms}, // the next window
		{31 * time.Second, 36 * time.Second, 0},      // and what was two windows ago is forgotten
	} {
		if late := way.late("a", step.sent, step.read); late != step.late {
			t.Errorf("step %d: %s late, want %s", i, late, step.late)
		}
	}
	if late := way.late("", 0, time.Hour) + way.late("", 0, 2*time.Hour); late != 0 {
		t.Errorf("who does not tell is %s late", late)
	}
	if late := way.late("b", 0, time.Hour); late != 0 {
		t.Errorf("another node's first message is %s late", late)
	}
}

func TestTransitForgetsNodes(t *testing.T) {
	var way transit
	for i := range 10 * manyPassages {
		way.late(fmt.Sprint(i), 0, time.Duration(i)*time.Second)
	}
	if len(way.nodes) > 2*manyPassages {
		t.Errorf("%d nodes are known", len(way.nodes))
	}
}
