package history

import (
	"fmt"
	"strings"
)

// every is the place of the tombstone of a "*" among those of the Contacts.
const every = Devices

// A bound is the binding of a Contact; mark 0 = there is none.
type bound struct {
	mark int
	by   int
	cseq uint32
}

// A grave remembers that a device has removed a Contact, or all.
type grave struct {
	there bool
	cseq  uint32
	maker int // the operation that left it
}

// A state is what an address of record holds. It is a value that can be compared.
type state struct {
	bindings [Devices]bound
	graves   [Devices][Devices + 1]grave // by whose Call-ID, and of which Contact
}

// An ordering is how an operation stands to what is known, as in RFC 3261 §10.3 step 7.
type ordering int

const (
	newer ordering = iota
	repeated
	overtaken
)

func compare(cseq, known uint32) ordering {
	switch {
	case cseq > known:
		return newer
	case cseq == known:
		return repeated
	default:
		return overtaken
	}
}

// apply is what the registrar does with an operation: the state afterwards, and whether it accepts. Whoever came in while another
// device removed the Contact may be taken for older than that, or not: both are right, and may is true.
func (s state) apply(number int, o *Operation, began func(maker int) bool) (after state, accepts, may bool) {
	switch o.Kind {
	case Register, Unregister:
		standing, may := s.standing(o, began)
		switch {
		case standing == overtaken:
			return s, false, may
		case standing == repeated:
			return s, true, may
		case o.Kind == Register:
			return s.register(o), true, may
		default:
			return s.unregister(number, o), true, may
		}
	case RemoveAll:
		return s.removeAll(number, o)
	default:
		return s, true, false
	}
}

func (s state) standing(o *Operation, began func(int) bool) (standing ordering, may bool) {
	if b := s.bindings[o.Contact]; b.mark != 0 {
		if b.by != o.By {
			return newer, false
		}
		standing = compare(o.CSeq, b.cseq)
		if standing == repeated && o.Kind == Unregister {
			standing = overtaken
		}
		return standing, false
	}
	for by := range s.graves {
		for _, place := range [...]int{o.Contact, every} {
			g := s.graves[by][place]
			switch {
			case !g.there:
			case by != o.By:
				may = may || began(g.maker)
			default:
				standing = max(standing, compare(o.CSeq, g.cseq))
			}
		}
	}
	if standing == repeated && o.Kind == Register {
		standing = overtaken
	}
	return standing, may && standing != overtaken
}

func (s state) register(o *Operation) state {
	s.bindings[o.Contact] = bound{mark: o.Mark, by: o.By, cseq: o.CSeq}
	s.graves[o.By][o.Contact] = grave{}
	return s
}

func (s state) unregister(number int, o *Operation) state {
	s.bury(number, o.Contact)
	s.graves[o.By][o.Contact] = grave{true, o.CSeq, number}
	return s
}

// bury removes a binding and leaves its tombstone.
func (s *state) bury(number, contact int) {
	if b := s.bindings[contact]; b.mark != 0 {
		s.graves[b.by][contact] = grave{true, b.cseq, number}
	}
	s.bindings[contact] = bound{}
}

func (s state) removeAll(number int, o *Operation) (after state, accepts, may bool) {
	if g := s.graves[o.By][every]; g.there && o.CSeq < g.cseq {
		return s, false, false
	}
	for _, b := range s.bindings {
		if b.mark != 0 && b.by == o.By && o.CSeq <= b.cseq {
			return s, false, false
		}
	}
	after = s
	for contact := range after.bindings {
		after.bury(number, contact)
	}
	after.graves[o.By] = [Devices + 1]grave{every: {true, o.CSeq, number}}
	return after, true, false
}

// lists tells whether an answer lists exactly the bindings that are there.
func (s state) lists(listed map[int]int) bool {
	there := 0
	for contact, b := range s.bindings {
		if b.mark == 0 {
			continue
		}
		if there++; listed[contact] != b.mark {
			return false
		}
	}
	return there == len(listed)
}

func (s state) String() string {
	var parts []string
	for device, b := range s.bindings {
		if b.mark != 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", contact(device), b.mark))
		}
	}
	return "{" + strings.Join(parts, " ") + "}"
}
