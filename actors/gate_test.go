package actors

import (
	"fmt"
	"testing"
	"time"
)

func TestAGateBoundsWhatRunsAndWhatWaits(t *testing.T) {
	now := time.Now()
	var started, expired []string
	g := newGate(2, 2, func(job string) { started = append(started, job) }, func(job string) { expired = append(expired, job) })
	for i, want := range []bool{true, true, true, true, false} {
		if got := g.offer(fmt.Sprint(i), now.Add(time.Duration(i)*time.Second)); got != want {
			t.Errorf("offer %d: %t", i, got)
		}
	}
	if fmt.Sprint(started) != "[0 1]" {
		t.Errorf("started %v", started)
	}
	g.finished(now.Add(2500 * time.Millisecond)) // job 2 is overdue by then and is never started
	if fmt.Sprint(started) != "[0 1 3]" || fmt.Sprint(expired) != "[2]" {
		t.Errorf("started %v, expired %v", started, expired)
	}
	g.finished(now)
	g.finished(now)
	if g.permits != 2 {
		t.Errorf("%d permits", g.permits)
	}
}
