package node

import (
	"testing"

	"sbc-registrar/cluster"
)

func members(ids ...string) []cluster.Member {
	var list []cluster.Member
	for _, id := range ids {
		list = append(list, cluster.Member{ID: id, Address: id + ":3082"})
	}
	return list
}

func TestATableSharesAllShards(t *testing.T) {
	const shards = 64
	view := cluster.View{Members: members("a", "b", "c")}
	owned := map[int]string{}
	for _, id := range []string{"a", "b", "c"} {
		for _, shard := range newTable(view, id, shards).mine() {
			if other, twice := owned[shard]; twice {
				t.Errorf("shard %d is owned by %s and %s", shard, other, id)
			}
			owned[shard] = id
		}
	}
	if len(owned) != shards {
		t.Errorf("%d of %d shards are owned", len(owned), shards)
	}
	table := newTable(view, "b", shards)
	for shard, id := range owned {
		want := id + ":3082"
		if id == "b" {
			want = ""
		}
		if got := table.address(shard); got != want {
			t.Errorf("shard %d is at %q, want %q", shard, got, want)
		}
		if m, found := table.owner(shard); !found || m.ID != id {
			t.Errorf("shard %d is owned by %q, want %q", shard, m.ID, id)
		}
	}
}

func TestWhoDrainsOwnsNothingUnlessAllDo(t *testing.T) {
	view := cluster.View{Members: members("a", "b")}
	view.Members[0].Draining = true
	if mine := newTable(view, "a", 16).mine(); len(mine) != 0 {
		t.Errorf("a node that drains owns %v", mine)
	}
	if mine := newTable(view, "b", 16).mine(); len(mine) != 16 {
		t.Errorf("the other one owns %d of 16", len(mine))
	}
	view.Members[1].Draining = true
	if mine := newTable(view, "a", 16).mine(); len(mine) != 8 {
		t.Errorf("where all drain one of two owns %d of 16", len(mine))
	}
}

func TestNobodyOwnsAnythingBeforeTheFirstView(t *testing.T) {
	table := newTable(cluster.View{}, "a", 16)
	if _, found := table.owner(3); found || table.address(3) != "" || table.mine() != nil {
		t.Error("somebody owns a shard")
	}
}

func TestTheWitnessIsTheNextMember(t *testing.T) {
	n := New(Options{Self: cluster.Member{ID: "b"}, Shards: 16})
	for _, test := range []struct {
		ids  []string
		want string
	}{{[]string{"a", "b", "c"}, "c"}, {[]string{"a", "b"}, "a"}, {[]string{"b"}, ""}, {[]string{"a", "c"}, ""}, {nil, ""}} {
		if m, _ := n.witness(cluster.View{Members: members(test.ids...)}); m.ID != test.want {
			t.Errorf("of %v it is %q, want %q", test.ids, m.ID, test.want)
		}
	}
}

func TestShardOf(t *testing.T) {
	for identity, want := range map[string]int{"s0000": 0, "s0015": 15, "s0016": -1, "15": -1, "s-1": -1, "sx": -1, "": -1} {
		shard, ok := shardOf(identity, 16)
		if !ok {
			shard = -1
		}
		if shard != want {
			t.Errorf("%q is %d, want %d", identity, shard, want)
		}
	}
}
