package redisstore

import (
	"strconv"
	"time"
)

// words are the words of commands in one piece of memory: a batch has tens of words for each of its operations, and none is
// worth an allocation of its own.
type words struct {
	text      []byte
	all       []word
	arguments []any
}

// A word is a part of the text of words. go-redis takes it for what it is, by its pointer.
type word struct {
	of         *words
	start, end int
}

// MarshalBinary is how go-redis reads it. It never fails.
func (w *word) MarshalBinary() ([]byte, error) { return w.of.text[w.start:w.end], nil }

func (w *words) reset() {
	w.text, w.all = w.text[:0], w.all[:0]
	clear(w.arguments)
	w.arguments = w.arguments[:0]
}

// begin begins a command with so many free places before its words; the result is for arguments to know it by.
func (w *words) begin(free int) int {
	for range free {
		w.arguments = append(w.arguments, nil)
	}
	return len(w.arguments) - free
}

// take returns the arguments of a command that has its words.
func (w *words) take(begun int) []any { return w.arguments[begun:len(w.arguments):len(w.arguments)] }

// since is how many words a command has, less its free places.
func (w *words) since(begun, free int) int { return len(w.arguments) - begun - free }

// add writes words.
func (w *words) add(words ...string) {
	for _, text := range words {
		w.join(text)
	}
}

// join writes one word of several parts.
func (w *words) join(parts ...string) {
	for _, part := range parts {
		w.text = append(w.text, part...)
	}
	w.end()
}

func (w *words) int(n int64) {
	w.text = strconv.AppendInt(w.text, n, 10)
	w.end()
}

// epoch writes a moment in epoch milliseconds.
func (w *words) epoch(t time.Time) { w.int(t.UnixMilli()) }

// wholeSeconds writes a duration in seconds, rounded up: a key must not be gone while its registration lasts.
func (w *words) wholeSeconds(d time.Duration) { w.int(int64((d + time.Second - 1) / time.Second)) }

// wholeMillis writes a duration in milliseconds, rounded up, and at least one.
func (w *words) wholeMillis(d time.Duration) {
	w.int(max(1, int64((d+time.Millisecond-1)/time.Millisecond)))
}

// end ends a word that was appended to the text.
func (w *words) end() {
	start := 0
	if n := len(w.all); n > 0 {
		start = w.all[n-1].end
	}
	w.all = append(w.all, word{w, start, len(w.text)})
	w.arguments = append(w.arguments, &w.all[len(w.all)-1])
}

// command begins a command within a script, which is its number of words and the words.
func (w *words) command(words int64) { w.int(words) }
