package history

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// An Event is what else happened meanwhile, for whoever reads the history: a fault and its end.
type Event struct {
	Name         string
	Began, Ended time.Time
}

// patience bounds the search for an order.
const patience = 60 * time.Second

// Check looks for an order of the operations, one after the other within the times of each, in which the model does what was
// told. When there is none, or none was found in a minute, the error names the files, in a fresh folder below dir, with the history and its picture.
func Check(name, dir string, operations []Operation, events []Event) error {
	ordered := slices.Clone(operations)
	slices.SortStableFunc(ordered, func(a, b Operation) int { return a.Sent.Compare(b.Sent) })
	m := model(ordered)
	result, info := porcupine.CheckOperationsVerbose(m, told(ordered), patience)
	if result == porcupine.Ok {
		return nil
	}
	info.AddAnnotations(annotations(ordered, events))
	files, err := write(name, dir, ordered, events, func(path string) error { return porcupine.VisualizePath(m, info, path) })
	if err != nil {
		return fmt.Errorf("the history of %s is not linearizable (%s), and could not be written: %w", name, result, err)
	}
	return fmt.Errorf("the history of %s is not linearizable (%s): see %s", name, result, files)
}

// Redone takes into account that nodes of a cluster carry out anew what another one has not answered for so long: an operation that was
// accepted after that time may have been carried out first, and have listed what was there when it was found to be done. It
// becomes two operations of the same time, one without a list, and one that asks.
func Redone(operations []Operation, after time.Duration) []Operation {
	var out []Operation
	for _, o := range operations {
		if o.Outcome == Accepted && o.Kind <= RemoveAll && o.Done.Sub(o.Sent) >= after {
			asks := o
			asks.Client, asks.Kind, asks.Note = -1-len(out), Query, o.Note+" (what it lists)"
			out = append(out, asks)
			o.Listed = nil
		}
		out = append(out, o)
	}
	return out
}

// asked is the input of an operation for porcupine.
type asked struct {
	number int
	*Operation
}

func told(operations []Operation) []porcupine.Operation {
	out := make([]porcupine.Operation, len(operations))
	for i := range operations {
		o := &operations[i]
		out[i] = porcupine.Operation{
			ClientId: o.Client, Input: asked{i, o}, Output: o.Outcome, Call: since(operations, o.Sent), Return: since(operations, o.Done), Metadata: o.Note,
		}
	}
	return out
}

func since(operations []Operation, t time.Time) int64 { return t.Sub(operations[0].Sent).Nanoseconds() }

// possible are the states that an address of record can be in, as far as is known. Porcupine could keep such sets itself, but
// compares all their members with all others.
type possible map[state]struct{}

var seed = maphash.MakeSeed()

func model(operations []Operation) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return possible{state{}: {}} },
		Step: func(before, input, _ any) (bool, any) {
			o, after := input.(asked), possible{}
			began := func(maker int) bool { return !operations[maker].Done.Before(o.Sent) }
			for s := range before.(possible) {
				s.step(o.number, o.Operation, began, after)
			}
			return len(after) > 0, after
		},
		Equal: func(a, b any) bool { return maps.Equal(a.(possible), b.(possible)) },
		Hash: func(states any) (sum uint64) {
			for s := range states.(possible) {
				sum ^= maphash.Comparable(seed, s)
			}
			return sum
		},
		DescribeOperation: func(input, _ any) string { return input.(asked).String() },
		DescribeState:     func(states any) string { return states.(possible).String() },
	}
}

// String is a few of the states.
func (p possible) String() string {
	const most = 20
	var parts []string
	for s := range p {
		parts = append(parts, s.String())
	}
	slices.Sort(parts)
	if parts = slices.Compact(parts); len(parts) > most {
		parts = append(parts[:most], "…")
	}
	return strings.Join(parts, " or ")
}

// step adds the states that can follow when this operation has this outcome.
func (s state) step(number int, o *Operation, began func(maker int) bool, after possible) {
	next, accepts, may := s.apply(number, o, began)
	switch o.Outcome {
	case Accepted:
		if accepts && (o.Listed == nil || next.lists(o.Listed)) {
			after[next] = struct{}{}
		}
	case Overtaken:
		if !accepts || may {
			after[s] = struct{}{}
		}
	default:
		after[s] = struct{}{}
		if accepts {
			after[next] = struct{}{}
		}
	}
}

func annotations(operations []Operation, events []Event) []porcupine.Annotation {
	var out []porcupine.Annotation
	for _, e := range events {
		out = append(out, porcupine.Annotation{
			Tag: "faults", Start: since(operations, e.Began), End: since(operations, e.Ended), Description: e.Name, Details: e.Name,
		})
	}
	return out
}

// write keeps a history for whoever looks into it.
func write(name, dir string, operations []Operation, events []Event, draw func(path string) error) (files string, err error) {
	folder, err := os.MkdirTemp(dir, "history-")
	if err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(struct {
		Name       string
		Operations []Operation
		Events     []Event
	}{name, operations, events}, "", " ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, "history.json"), text, 0o600); err != nil {
		return "", err
	}
	return filepath.Join(folder, "history.{json,html}"), draw(filepath.Join(folder, "history.html"))
}
