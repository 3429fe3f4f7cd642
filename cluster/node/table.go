package node

import "sbc-registrar/cluster"

// A table is who owns which shard by one view.
type table struct {
	view   cluster.View
	owners []int // of each shard, its index in members; none where there are no members
	self   int   // this node in members, none when it is not there

	members []cluster.Member // those that own shards
}

const none = -1

// newTable shares the shards among those members that are not draining; where all are, they go on as they are.
func newTable(view cluster.View, self string, shards int) *table {
	members := cluster.Owning(view)
	t := &table{view: view, members: members, owners: make([]int, shards), self: none}
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
		if m.ID == self {
			t.self = i
		}
	}
	if copy(t.owners, cluster.Owners(ids, shards)) == 0 {
		for shard := range t.owners {
			t.owners[shard] = none
		}
	}
	return t
}

// owner is the member that owns a shard; false when there is none.
func (t *table) owner(shard int) (cluster.Member, bool) {
	if t.owners[shard] == none {
		return cluster.Member{}, false
	}
	return t.members[t.owners[shard]], true
}

// address is where the owner of a shard is, "" when it is this node, or there is none.
func (t *table) address(shard int) string {
	if m, found := t.owner(shard); found && t.owners[shard] != t.self {
		return m.Address
	}
	return ""
}

// mine are the shards of this node.
func (t *table) mine() []int {
	var mine []int
	for shard, owner := range t.owners {
		if owner != none && owner == t.self {
			mine = append(mine, shard)
		}
	}
	return mine
}
