package redisstore

import (
	"errors"
	"io"
	"testing"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

// run is a command that has come to this.
func run(reply any, err error) *redis.Cmd {
	c := redis.NewCmd(background, "evalsha")
	c.SetVal(reply)
	c.SetErr(err)
	return c
}

// What a run has come to decides whether there is another, and whether the one before may still take effect.
func TestWhatBecomesOfACall(t *testing.T) {
	plain := newScript("return 1", false)
	for name, c := range map[string]struct {
		call   call
		run    *redis.Cmd
		next   repeat
		open   bool
		asked  string
		status registration.Status
		err    error
	}{
		"a change is made":                {call: call{script: saveScript, lasting: true}, run: run("OK 1 2 ", nil), status: registration.StatusOK},
		"an answer that is none":          {call: call{script: saveScript, lasting: true}, run: run("1", nil), err: errAnswer},
		"a script that answers otherwise": {call: call{script: plain}, run: run("1", nil)},
		"a command":                       {run: run("1", nil)},
		"a change without reply":          {call: call{script: saveScript, lasting: true}, run: run(nil, io.EOF), next: lost, open: true, err: io.EOF},
		"a read without reply":            {call: call{script: spendScript}, run: run(nil, io.EOF), next: lost, err: io.EOF},
		"a change that was not sent":      {call: call{script: saveScript, lasting: true}, run: run(nil, errUnsent), next: unsent, err: errUnsent},
		"another server for this once": {
			call: call{script: saveScript, lasting: true}, run: run(nil, redisError("ASK 1 192.0.2.1:7000")), next: asked, asked: "192.0.2.1:7000",
			err: redisError("ASK 1 192.0.2.1:7000"),
		},
		"another server": {
			call: call{script: saveScript}, run: run(nil, redisError("MOVED 1 192.0.2.1:7000")), next: moved, err: redisError("MOVED 1 192.0.2.1:7000"),
		},
		"an error that would come again": {call: call{next: lost}, run: run(nil, redis.Nil), err: redis.Nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.call.take(c.run)
			if got := &c.call; got.next != c.next || got.open != c.open || got.asked != c.asked || got.answer.status != c.status || !errors.Is(got.err, c.err) {
				t.Errorf("next %d, open %t, asked %q, status %q, error %v", got.next, got.open, got.asked, got.answer.status, got.err)
			}
		})
	}
}

func TestACallIsRepeatedABoundedNumberOfTimesForEachReason(t *testing.T) {
	var c call
	for range 2 { // what one reason has used up is not missing to another
		for why := lost; why < repeats; why++ {
			before := c.tries[why]
			c.again(why)
			if repeated := before < mostTries[why]; repeated != (c.next == why) || repeated != (c.tries[why] == before+1) {
				t.Errorf("after %d repeats for reason %d: next %d, repeats %d", before, why, c.next, c.tries[why])
			}
		}
	}
	if c.again(refused); c.tries[refused] != 3 || c.next != refused {
		t.Errorf("the third repeat: next %d, repeats %d", c.next, c.tries[refused])
	}
	if c.again(refused); c.tries[refused] != 3 || c.next != never {
		t.Errorf("the fourth repeat: next %d, repeats %d", c.next, c.tries[refused])
	}
}

// Only a change that was made has to be on other servers as well.
func TestWhatIsAChangeThatWasMade(t *testing.T) {
	for _, status := range answered {
		for _, lasting := range []bool{true, false} {
			c := call{lasting: lasting, answer: answer{status: status}}
			want := lasting && (status == registration.StatusOK || status == registration.StatusDup)
			if c.made() != want {
				t.Errorf("%s, lasting %t: made %t", status, lasting, !want)
			}
		}
	}
}

// The source of a script goes to a server only once it has said that it does not know it.
func TestTheFirstWordsOfACall(t *testing.T) {
	w := new(words)
	begun := w.begin(scriptHead)
	w.add("key", "argument")
	c := call{script: saveScript, keys: 1, moment: 4711, deadlineAt: -1}
	c.placeDeadline(w, begun)
	w.add("last")
	c.arguments = w.take(begun)
	for source, want := range map[bool][]any{false: {"evalsha", saveScript.digest}, true: {"eval", saveScript.source}} {
		args := c.command(source).Args()
		if len(args) != 7 || args[0] != want[0] || args[1] != want[1] || *args[2].(*int) != 1 || *args[5].(*int64) != 4711 {
			t.Errorf("by source %t it is %.40v", source, args)
		}
	}
	plain := call{arguments: []any{"hmget", "key", "version"}}
	if args := plain.command(true).Args(); len(args) != 3 || args[0] != "hmget" {
		t.Errorf("a plain command is %v", args)
	}
}
