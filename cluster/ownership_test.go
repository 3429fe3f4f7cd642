package cluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const testShards = 1024

func members(n int, seed uint64) []string {
	chance := rand.New(rand.NewPCG(seed, 1))
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%016x", chance.Uint64())
	}
	return out
}

func named(members []string, owners []int) []string {
	out := make([]string, len(owners))
	for shard, owner := range owners {
		out[shard] = members[owner]
	}
	return out
}

func TestOwnershipIsEven(t *testing.T) {
	for n := 1; n <= 16; n++ {
		load := make([]int, n)
		for _, owner := range Owners(members(n, uint64(n)), testShards) {
			load[owner]++
		}
		if least, most := slices.Min(load), slices.Max(load); most-least > 1 {
			t.Errorf("%d members own from %d to %d shards", n, least, most)
		}
	}
}

func TestOwnershipDependsOnTheSetOfMembersOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9]{1,20}`), 1, 9, rapid.ID[string]).Draw(t, "members")
		shuffled := rapid.Permutation(list).Draw(t, "shuffled")
		if !slices.Equal(named(list, Owners(list, testShards)), named(shuffled, Owners(shuffled, testShards))) {
			t.Fatal("two that see the same members see other owners")
		}
	})
}

// What has to move is what the member that goes had, or what the one that comes gets. A little more moves, to stay even.
func TestLittleMoreMovesThanHasTo(t *testing.T) {
	for n, most := range map[int]float64{3: 1.10, 5: 1.20, 8: 1.35, 16: 1.70} {
		moved, needed := 0, 0
		for seed := range uint64(10) {
			with := members(n, 100*uint64(n)+seed)
			without := with[:n-1]
			before, after := named(with, Owners(with, testShards)), named(without, Owners(without, testShards))
			for shard := range before {
				if before[shard] != after[shard] {
					moved++
				}
				if before[shard] == with[n-1] {
					needed++
				}
			}
		}
		if ratio := float64(moved) / float64(needed); ratio > most {
			t.Errorf("%d members: %.2f times as many shards move as have to, want %.2f at most", n, ratio, most)
		}
	}
}

func TestNobodyOwnsAnythingWithoutMembers(t *testing.T) {
	if owners := Owners(nil, testShards); owners != nil {
		t.Errorf("%v", owners)
	}
}

func BenchmarkOwners(b *testing.B) {
	list := members(16, 1)
	for b.Loop() {
		Owners(list, testShards)
	}
}
