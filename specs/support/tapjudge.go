package support

import "strings"

// A Frame is one message on its way through a Tap.
type Frame struct {
	FromRegistrar bool
	Type          string // authenticate, route, ping, sip, response, …
	Message       string
}

// A Verdict is what becomes of a frame, and of its link.
type Verdict int

// The verdicts.
const (
	Pass      Verdict = iota
	CutBefore         // the link is cut, and the frame is lost
	CutBehind         // the frame passes, and the link is cut behind it
)

// Judge lets a spec decide on every frame from now on; nil lets everything pass. It is called from several goroutines.
func (t *Tap) Judge(judge func(Frame) Verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.judge = judge
}

func (t *Tap) verdict(message string, fromRegistrar bool) Verdict {
	t.mu.Lock()
	judge := t.judge
	t.mu.Unlock()
	if judge == nil {
		return Pass
	}
	fields := strings.SplitN(message, "|", 3)
	if len(fields) < 2 {
		return Pass
	}
	return judge(Frame{FromRegistrar: fromRegistrar, Type: fields[1], Message: message})
}
