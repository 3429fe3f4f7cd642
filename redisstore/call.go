package redisstore

import (
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

// A script is Lua that runs by its digest; a server that does not know it gets the source.
type script struct {
	source  any // text, ready to be an argument
	digest  any
	answers bool // its replies are those that parseAnswer reads
}

func newScript(source string, answers bool) *script {
	return &script{source: source, digest: redis.NewScript(source).Hash(), answers: answers}
}

// The first arguments of a run of a script, as go-redis takes them: evalsha, digest, number of keys.
const scriptHead = 3

// A call is one command, or one run of a script, that is safe to repeat: what batches are made of. It belongs to one batch, and
// to one goroutine at a time.
type call struct {
	key        string    // decides which server it goes to
	script     *script   // nil = a plain command
	arguments  []any     // with room for those of scriptHead
	keys       int       // of the script
	until      time.Time // it is given up then
	timed      bool      // its script takes until, on the server's clock, as an argument
	deadlineAt int       // which
	moment     int64     // and its value

	// lasting says that it matters whether a run of which nobody heard has taken effect, or still will.
	lasting bool

	next   repeat
	tries  [repeats]int
	asked  string // the server that another has named for this run only
	reply  any
	answer answer // the reply of a script that answers
	err    error  // of the last run
	open   bool   // a run of it may have taken effect, or may still until its deadline, and no reply tells
	short  bool   // carried out, but not on as many servers as is wanted
}

// command makes what go-redis sends for this run. The first run of a script on a connection that may not know it takes its
// source.
func (c *call) command(bySource bool) *redis.Cmd {
	if c.script != nil {
		c.arguments[0], c.arguments[1] = "evalsha", c.script.digest
		if bySource {
			c.arguments[0], c.arguments[1] = "eval", c.script.source
		}
		c.arguments[2] = &c.keys
		if c.timed {
			c.arguments[c.deadlineAt] = &c.moment
		}
	}
	return redis.NewCmd(background, c.arguments...)
}

// take notes what a run has come to.
func (c *call) take(command *redis.Cmd) {
	c.reply, c.err = command.Result()
	c.next = never
	if c.err == nil {
		if c.script != nil && c.script.answers {
			c.answer, c.err = parseAnswer(c.reply)
		}
		return
	}
	trouble := classify(c.err)
	if trouble == lost && c.lasting {
		c.open = true
	}
	c.again(trouble)
	if c.next == asked {
		c.asked, _ = redis.IsAskError(c.err)
	}
}

// made tells that the change of the call is made.
func (c *call) made() bool {
	return c.lasting && (c.answer.status == registration.StatusOK || c.answer.status == registration.StatusDup)
}

// again has the call run once more for this reason, unless it has been often enough.
func (c *call) again(why repeat) {
	c.next = never
	if c.tries[why] < mostTries[why] {
		c.tries[why]++
		c.next = why
	}
}

// placeDeadline writes the word that is the deadline of the call; its value is known when it is sent.
func (c *call) placeDeadline(w *words, begun int) {
	c.timed, c.deadlineAt = true, w.since(begun, 0)
	w.end()
}
