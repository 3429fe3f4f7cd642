package main

import "testing"

func TestTheHeapGrowsByTheHeadroom(t *testing.T) {
	for _, c := range []struct {
		name       string
		live, goal uint64
	}{
		{"little is kept", 40 << 20, 200 << 20},
		{"as much as the headroom", headroom, 2 * headroom},
		{"more than that", 250 << 20, 410 << 20},
		{"so much that the collector would have no rest", 800 << 20, 1200 << 20},
		{"next to nothing", 1 << 20, 21 << 20},
	} {
		goal := c.live + c.live*uint64(collectorPercent(c.live))/100
		if difference := int64(goal) - int64(c.goal); difference < -4<<20 || difference > 4<<20 {
			t.Errorf("%s: the goal is %d MB, want %d", c.name, goal>>20, c.goal>>20)
		}
	}
	if percent := collectorPercent(0); percent != 2000 {
		t.Errorf("where nothing is kept it is %d", percent)
	}
}
