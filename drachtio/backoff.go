package drachtio

import (
	"errors"
	"math/rand/v2"
	"net"
	"time"
)

// Backoff says how long a Client waits before it dials again. Each pause is random between zero and a bound (full jitter),
// so that many clients of a restarted server do not come back in step. What the bound is depends on what an attempt costs the
// server:
//
//   - No connection could be made: nobody is there who could be stormed, and to ask costs a packet. The bound doubles from
//     First to Absent and stays there, so that a server that listens again has its client within Absent, whether its
//     restart took a second or an hour.
//   - The connection was closed before the server said a word, as by a proxy whose server is away: the same, but that the bound
//     goes on to grow, to a tenth of the time for which there has been no stable link.
//   - The server answered, and there is no link all the same, or not for long: the bound doubles from First to Max.
//   - The server refused the secret: only a person can mend that.
type Backoff struct {
	First   time.Duration // the first bound; default 250 ms
	Absent  time.Duration // the largest bound while no connection can be made; default 2 s
	Max     time.Duration // the largest bound of all; default 30 s
	Stable  time.Duration // a link that lived this long resets the bounds; default 60 s
	Refused time.Duration // after a refused secret the pause is between half of this and this; default 60 s
	Remind  time.Duration // Handler.LinkDown is told of a failure like the one before once in this time; default 30 s
}

func (b Backoff) withDefaults() Backoff {
	setDefault(&b.First, 250*time.Millisecond)
	setDefault(&b.Absent, 2*time.Second)
	setDefault(&b.Max, 30*time.Second)
	setDefault(&b.Stable, 60*time.Second)
	setDefault(&b.Refused, 60*time.Second)
	setDefault(&b.Remind, 30*time.Second)
	return b
}

// patience is the part of a time without a stable link that a client may wait until it asks a silent server again.
const patience = 10

// pauses is the state of one client's back-off. There are two bounds, so that a server that is away now and then does not
// make us forget that its links break.
type pauses struct {
	Backoff
	present time.Duration // the next pause's bound when the server was there; 0 = start anew
	absent  time.Duration // the same when it was not
	lost    time.Time     // since when there has been no stable link; zero = there was one just now
}

// next is the pause after a link ended with err; it had been up since then, or never when that is zero.
func (p *pauses) next(err error, since time.Time) time.Duration {
	if !since.IsZero() && time.Since(since) >= p.Stable {
		p.present, p.lost = 0, time.Time{}
	}
	if p.lost.IsZero() {
		p.lost = time.Now()
	}
	switch {
	case errors.Is(err, ErrRefused):
		return p.Refused/2 + rand.N(p.Refused/2+1)
	case errors.Is(err, errAbsent):
		return pause(&p.absent, p.First, min(p.Absent, p.Max))
	case errors.Is(err, errWordless):
		return pause(&p.absent, p.First, min(max(p.Absent, time.Since(p.lost)/patience), p.Max))
	default:
		p.absent = 0
		return pause(&p.present, p.First, p.Max)
	}
}

// pause is a random one up to a bound, which doubles for the next time.
func pause(bound *time.Duration, first, limit time.Duration) time.Duration {
	if *bound == 0 {
		*bound = first
	}
	now := min(*bound, limit)
	*bound = min(2*now, limit)
	return rand.N(now) + 1
}

// A grievance decides which failures are worth telling: the first one, another one, and the same one once in a while. A server
// that is away is asked every second, and whoever reads of it wants to hear of it, not of each time.
type grievance struct {
	about string
	told  time.Time
}

// tell tells whether a failure is to be told.
func (g *grievance) tell(err error, again time.Duration) bool {
	about := gist(err)
	if about == g.about && time.Since(g.told) < again {
		return false
	}
	g.about, g.told = about, time.Now()
	return true
}

// forget makes the next failure news.
func (g *grievance) forget() { *g = grievance{} }

// gist is the text of an error without what is different each time: the port of our side.
func gist(err error) string {
	if errors.Is(err, errWordless) {
		return errWordless.Error() // by an end or a reset, as it happens
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}
