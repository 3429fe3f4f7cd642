package cluster

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Owners tells which of the members owns each shard: the index of the member in the list, for each shard from 0. It depends on the set of
// members only, not on their order or on what was before, so that whoever sees the same members sees the same owners. It
// returns nil without members.
//
// It is rendezvous hashing with quotas: each member has a score for each shard, the highest scores are served first, and a
// member that has its even part of the shards takes no more. Without quotas 16 members would have between 0.6 and 1.3 of their
// part. With them each has it, but for one shard; when a member comes or goes, 2 % more shards move than have to with 3 members,
// and 40 % more with 16 (of the sixteenth part of all that has to).
func Owners(members []string, shards int) []int {
	if len(members) == 0 {
		return nil
	}
	owners := slices.Repeat([]int{unowned}, shards)
	quotas := quotas(members, shards)
	for _, bid := range bids(members, shards) {
		if owners[bid.shard] == unowned && quotas[bid.member] > 0 {
			owners[bid.shard] = bid.member
			quotas[bid.member]--
		}
	}
	return owners
}

const unowned = -1

// A bid is how much a member is meant for a shard.
type bid struct {
	score         uint64
	shard, member int
}

// bids are all of them, the highest first.
func bids(members []string, shards int) []bid {
	all := make([]bid, 0, len(members)*shards)
	for member, id := range members {
		key := append([]byte(id), make([]byte, 4)...)
		for shard := range shards {
			binary.BigEndian.PutUint32(key[len(id):], uint32(shard))
			all = append(all, bid{xxhash.Sum64(key), shard, member})
		}
	}
	slices.SortFunc(all, func(a, b bid) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.shard, b.shard), cmp.Compare(members[a.member], members[b.member]))
	})
	return all
}

// quotas are the even parts. What is left over goes, one each, to the members that hash first, whatever their order.
func quotas(members []string, shards int) []int {
	byHash := make([]int, len(members))
	for i := range byHash {
		byHash[i] = i
	}
	slices.SortFunc(byHash, func(a, b int) int {
		return cmp.Or(cmp.Compare(xxhash.Sum64String(members[a]), xxhash.Sum64String(members[b])), cmp.Compare(members[a], members[b]))
	})
	out := make([]int, len(members))
	for place, member := range byHash {
		out[member] = shards / len(members)
		if place < shards%len(members) {
			out[member]++
		}
	}
	return out
}

// Owning are the members that shards are shared among: those that do not drain, or all when all do.
func Owning(view View) []Member {
	owning := slices.DeleteFunc(slices.Clone(view.Members), func(m Member) bool { return m.Draining })
	if len(owning) == 0 {
		return view.Members
	}
	return owning
}
