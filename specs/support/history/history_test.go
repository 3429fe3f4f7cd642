package history

import (
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// A line is a history in the making: its operations last 10 ms each, one after the other unless it says otherwise.
type line struct {
	operations []Operation
	at         time.Time
}

func begin() *line { return &line{at: time.Unix(1_700_000_000, 0)} }

const turn = 10 * time.Millisecond

func (l *line) add(o Operation, outcome Outcome, listed ...int) *line {
	l.at = l.at.Add(turn)
	o.Sent, o.Done, o.Outcome = l.at, l.at.Add(turn/2), outcome
	o.Listed = map[int]int{}
	for i := 0; i < len(listed); i += 2 {
		o.Listed[listed[i]] = listed[i+1]
	}
	l.operations = append(l.operations, o)
	return l
}

// lasting makes the last operation begin and end at other turns than it would.
func (l *line) lasting(earlier, longer int) *line {
	last := &l.operations[len(l.operations)-1]
	last.Sent, last.Done = last.Sent.Add(-time.Duration(earlier)*turn), last.Done.Add(time.Duration(longer)*turn)
	return l
}

func (l *line) accepted(o Operation, listed ...int) *line { return l.add(o, Accepted, listed...) }

func register(device, mark, cseq int) Operation {
	return Operation{Client: device, Kind: Register, By: device, Contact: device, Mark: mark, CSeq: uint32(cseq)}
}

func unregister(device, cseq int) Operation {
	return Operation{Client: device, Kind: Unregister, By: device, Contact: device, CSeq: uint32(cseq)}
}

func removeAll(device, cseq int) Operation {
	return Operation{Client: device, Kind: RemoveAll, By: device, CSeq: uint32(cseq)}
}

func look() Operation { return Operation{Client: 9, Kind: Look} }

func TestWhatAnAddressOfRecordCanHaveDone(t *testing.T) {
	for name, l := range map[string]*line{
		"it registers, refreshes and unregisters": begin().accepted(register(0, 1, 1), 0, 1).accepted(register(0, 2, 2), 0, 2).
			accepted(unregister(0, 3)).accepted(look()),
		"two devices":                                       begin().accepted(register(0, 1, 1), 0, 1).accepted(register(1, 2, 1), 0, 1, 1, 2).accepted(removeAll(0, 2)).accepted(look()),
		"a change that was told 503 was made":               begin().add(register(0, 1, 1), Unknown).accepted(look(), 0, 1),
		"a change that was told 503 was not made":           begin().add(register(0, 1, 1), Unknown).accepted(look()),
		"a change without an answer is made late":           begin().add(register(0, 1, 1), Lost).lasting(0, 5).accepted(look()).accepted(look(), 0, 1),
		"what is asked at the same time comes in any order": begin().accepted(register(0, 1, 1), 0, 1, 1, 2).lasting(0, 2).accepted(register(1, 2, 1), 1, 2),
		"an older REGISTER is refused":                      begin().accepted(register(0, 2, 2), 0, 2).add(register(0, 1, 1), Overtaken).accepted(look(), 0, 2),
		"one that a removal has overtaken is refused":       begin().accepted(unregister(0, 2)).add(register(0, 1, 1), Overtaken).accepted(look()),
		"one that came while another device removed all may be refused": begin().accepted(removeAll(1, 1)).
			add(register(0, 1, 1), Overtaken).lasting(1, 0).accepted(look()),
		"one that came while another device removed all may be accepted": begin().accepted(removeAll(1, 1)).
			accepted(register(0, 1, 1), 0, 1).lasting(1, 0).accepted(look(), 0, 1),
		"a repeated REGISTER is accepted and changes nothing": begin().accepted(register(0, 1, 1), 0, 1).accepted(register(1, 2, 1), 0, 1, 1, 2).
			accepted(register(0, 1, 1), 0, 1, 1, 2),
		"a repeated removal likewise": begin().accepted(register(0, 1, 1), 0, 1).accepted(unregister(0, 2)).accepted(unregister(0, 2)),
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(Check(name, t.TempDir(), l.operations, nil)).To(Succeed())
		})
	}
}

func TestWhatIsFoundOut(t *testing.T) {
	for name, l := range map[string]*line{
		"a false 200":                            begin().accepted(register(0, 1, 1), 0, 1).accepted(look()),
		"a false 200 of a removal":               begin().accepted(register(0, 1, 1), 0, 1).accepted(unregister(0, 2)).accepted(look(), 0, 1),
		"a resurrection":                         begin().accepted(register(0, 1, 1), 0, 1).accepted(unregister(0, 2)).accepted(look()).accepted(look(), 0, 1),
		"an older REGISTER that undoes a newer":  begin().accepted(register(0, 2, 2), 0, 2).accepted(register(0, 1, 1), 0, 1),
		"an older REGISTER that undoes removal":  begin().accepted(unregister(0, 2)).accepted(register(0, 1, 1), 0, 1),
		"a late effect":                          begin().add(register(0, 1, 1), Unknown).accepted(look()).accepted(look(), 0, 1),
		"a late effect after the last moment":    begin().add(register(0, 1, 1), Lost).lasting(0, 2).accepted(look()).accepted(look()).accepted(look()).accepted(look(), 0, 1),
		"an effect of what was refused":          begin().accepted(register(0, 2, 2), 0, 2).add(register(0, 1, 1), Overtaken).accepted(look(), 0, 1),
		"a refusal without a reason":             begin().accepted(register(0, 1, 1), 0, 1).add(register(0, 2, 2), Overtaken),
		"a refusal for a removal that was over":  begin().accepted(removeAll(1, 1)).add(register(0, 1, 1), Overtaken),
		"an answer that lists too much":          begin().accepted(register(0, 1, 1), 0, 1, 1, 7),
		"an answer that lists too little":        begin().accepted(register(0, 1, 1), 0, 1).accepted(register(1, 2, 1), 1, 2),
		"an answer that lists what was replaced": begin().accepted(register(0, 1, 1), 0, 1).accepted(register(0, 2, 2), 0, 1),
		"a removal of another's binding":         begin().accepted(register(0, 1, 1), 0, 1).accepted(register(1, 2, 1), 0, 1, 1, 2).accepted(unregister(0, 2)),
		"a lost update": begin().accepted(register(0, 1, 1), 0, 1).lasting(0, 2).accepted(register(1, 2, 1), 0, 1, 1, 2).
			accepted(look(), 0, 1),
	} {
		t.Run(name, func(t *testing.T) {
			g, dir := NewWithT(t), t.TempDir()
			err := Check(name, dir, l.operations, []Event{{Name: "fault", Began: l.at, Ended: l.at.Add(turn)}})
			g.Expect(err).To(MatchError(ContainSubstring("not linearizable (Illegal): see " + dir)))
			folders, _ := os.ReadDir(dir)
			g.Expect(folders).To(HaveLen(1))
			files, _ := os.ReadDir(dir + "/" + folders[0].Name())
			g.Expect(files).To(HaveLen(2), "the history and its picture")
		})
	}
}

func TestOperationsTellWhatTheyAre(t *testing.T) {
	l := begin().accepted(register(0, 1, 1), 0, 1, 2, 5).add(unregister(1, 7), Overtaken).add(removeAll(2, 9), Unknown).
		add(Operation{Kind: Query, By: 1, CSeq: 3}, Lost).accepted(look(), 1, 4)
	var told []string
	for _, o := range l.operations {
		told = append(told, o.String())
	}
	NewWithT(t).Expect(strings.Join(told, "\n")).To(Equal(`register a=1 by a CSeq 1 → 200 {a=1 c=5}
unregister b by b CSeq 7 → 500
unregister * by c CSeq 9 → 503
query by b CSeq 3 → nothing
Redis has {b=4}`))
}

// What another node does anew lists what is there by then: b has come meanwhile.
func TestAnOperationThatIsRedoneListsWhatIsThereLater(t *testing.T) {
	l := begin()
	l.accepted(register(0, 1, 1), 0, 1, 1, 2).lasting(0, 300)
	l.accepted(register(1, 2, 1), 0, 1, 1, 2)
	if err := Check("redone", t.TempDir(), l.operations, nil); err == nil {
		t.Error("a list of what comes later is possible where nothing is redone")
	}
	if err := Check("redone", t.TempDir(), Redone(l.operations, time.Second), nil); err != nil {
		t.Error(err)
	}
}
