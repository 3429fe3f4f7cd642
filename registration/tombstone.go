package registration

import (
	"slices"
	"time"

	"sbc-registrar/sip"
)

// made is when the tombstone was left, by the clock of the node that did. Nodes' clocks are close, and what is compared with
// it was under way for longer than they differ, or would have been in time.
func (t Tombstone) made() time.Time { return t.Until.Add(-TombstoneLife) }

func (t *Tombstone) covers(k key) bool { return t.Wildcard || k.equal(t.key()) }

// grave is the tombstone of a key.
func (k key) grave(callID string, cseq uint32, now time.Time) Tombstone {
	return Tombstone{
		Contact: sip.Address{URI: k.uri}, Instance: k.instance, RegID: k.regID,
		CallID: callID, CSeq: cseq, Until: now.Add(TombstoneLife),
	}
}

// tombstone remembers a binding as it was last known.
func (b *Binding) tombstone(now time.Time) Tombstone {
	return b.key().grave(b.CallID, b.CSeq, now)
}

// bury remembers that this REGISTER removed a contact, whether or not it was bound: an older REGISTER for it may still be
// under way.
func (s State) bury(now time.Time, r *Request, k key) State {
	return s.remember(k.grave(r.CallID, r.CSeq, now))
}

// buryAll does the same for "Contact: *".
func (s State) buryAll(now time.Time, r *Request) State {
	return s.remember(Tombstone{Wildcard: true, CallID: r.CallID, CSeq: r.CSeq, Until: now.Add(TombstoneLife)})
}

// remember adds a tombstone in the place of those it makes superfluous. The newest are kept, as many as fit a small record.
func (s State) remember(grave Tombstone) State {
	s.Removed = slices.DeleteFunc(s.Removed, func(t Tombstone) bool {
		return t.CallID == grave.CallID && (grave.Wildcard || !t.Wildcard && t.covers(grave.key()))
	})
	s.Removed = append(s.Removed, grave)
	if extra := len(s.Removed) - maxTombstones; extra > 0 {
		s.Removed = s.Removed[extra:]
	}
	return s
}

// maxTombstones bounds what a client that registers and unregisters in a loop can make us keep.
const maxTombstones = 16
