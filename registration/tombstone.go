package registration

import (
	"slices"
	"time"

	"sbc-registrar/sip"
)

// made is when the tombstone was left, by the clock of the node that did. Nodes' clocks are close, and what is compared with
// it was under way for longer than they differ, or would have been in time.
func (t Tombstone) made() time.Time { return t.Until.Add(-TombstoneLife) }

func (t Tombstone) covers(contact sip.Address) bool {
	return t.Wildcard || t.Contact.URI.Equal(contact.URI)
}

// tombstone remembers a binding as it was last known.
func (b Binding) tombstone(now time.Time) Tombstone {
	return Tombstone{Contact: sip.Address{URI: b.Contact.URI}, CallID: b.CallID, CSeq: b.CSeq, Until: now.Add(TombstoneLife)}
}

// bury remembers that this REGISTER removed a contact, whether or not it was bound: an older REGISTER for it may still be
// under way.
func (s State) bury(now time.Time, r *Request, contact sip.Address) State {
	return s.remember(Tombstone{Contact: sip.Address{URI: contact.URI}, CallID: r.CallID, CSeq: r.CSeq, Until: now.Add(TombstoneLife)})
}

// buryAll does the same for "Contact: *".
func (s State) buryAll(now time.Time, r *Request) State {
	return s.remember(Tombstone{Wildcard: true, CallID: r.CallID, CSeq: r.CSeq, Until: now.Add(TombstoneLife)})
}

// remember adds a tombstone in the place of those it makes superfluous. The newest are kept, as many as fit a small record.
func (s State) remember(grave Tombstone) State {
	s.Removed = slices.DeleteFunc(s.Removed, func(t Tombstone) bool {
		return t.CallID == grave.CallID && (grave.Wildcard || !t.Wildcard && t.covers(grave.Contact))
	})
	s.Removed = append(s.Removed, grave)
	if extra := len(s.Removed) - maxTombstones; extra > 0 {
		s.Removed = s.Removed[extra:]
	}
	return s
}

// maxTombstones bounds what a client that registers and unregisters in a loop can make us keep.
const maxTombstones = 16

// evict drops the oldest bindings until no more are left than policy allows and their listing fits a frame (rules 31, 32).
func (s *State) evict(maxContacts int) {
	for len(s.Bindings) > 1 && (len(s.Bindings) > maxContacts || s.listedBytes() > maxListed) {
		s.Bindings = s.Bindings[1:]
	}
}

// listedBytes is the most that the Contacts of a 200 can take: each with its name, its expires and a line end.
func (s State) listedBytes() int {
	total := 0
	for _, b := range s.Bindings {
		total += len("Contact: ") + len(b.Contact.String()) + len(";expires=4294967295") + len("\r\n")
	}
	return total
}
