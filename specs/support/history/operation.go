package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Devices is how many devices an address of record has at most: so few that none of the tombstones of a state has to go.
const Devices = 3

// A Kind is what an operation wants.
type Kind int

// The kinds.
const (
	Register   Kind = iota // one Contact, for long
	Unregister             // one Contact
	RemoveAll              // Contact: *
	Query                  // no Contact: what is there?
	Look                   // into Redis, past the registrar
)

// An Outcome is what became of an operation, as far as its client knows.
type Outcome int

// The outcomes.
const (
	Accepted  Outcome = iota // 200, and what it lists
	Overtaken                // 500: its CSeq was out of order
	Unknown                  // 503: made before it was answered, or never
	Lost                     // no answer: made until Done, or never
)

// An Operation is one REGISTER and its answer, or one look.
type Operation struct {
	Client  int // who did it; the operations of one client do not overlap
	Kind    Kind
	By      int // the device whose Call-ID it has
	Contact int // the device whose Contact it is about
	CSeq    uint32
	Mark    int // of the Contact, from 1

	Sent, Done time.Time // of the lost, Done is the moment after which it cannot take effect any more
	Outcome    Outcome
	Listed     map[int]int // what an accepted one lists: Contact to mark; nil when another operation tells
	Note       string      // for whoever reads the history: status and reason
}

// String is the operation in a few words, for failures.
func (o Operation) String() string {
	asked := ""
	switch o.Kind {
	case Register:
		asked = fmt.Sprintf("register %s=%d", contact(o.Contact), o.Mark)
	case Unregister:
		asked = "unregister " + contact(o.Contact)
	case RemoveAll:
		asked = "unregister *"
	case Query:
		asked = "query"
	case Look:
		return "Redis has " + listing(o.Listed)
	}
	asked += fmt.Sprintf(" by %s CSeq %d", contact(o.By), o.CSeq)
	switch o.Outcome {
	case Accepted:
		return asked + " → 200 " + listing(o.Listed)
	case Overtaken:
		return asked + " → 500"
	case Unknown:
		return asked + " → 503"
	default:
		return asked + " → nothing"
	}
}

func contact(device int) string { return string(rune('a' + device)) }

func listing(marks map[int]int) string {
	var parts []string
	for _, device := range slices.Sorted(maps.Keys(marks)) {
		parts = append(parts, fmt.Sprintf("%s=%d", contact(device), marks[device]))
	}
	return "{" + strings.Join(parts, " ") + "}"
}
