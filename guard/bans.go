package guard

import (
	"time"

	"golang.org/x/time/rate"
)

// forgiven is how many successes make up for one failure. One would do for a proxy whose phones mostly know their passwords,
// but it would also let who has one account of his own guess at every second try, for ever.
const forgiven = 10

// An offender is a source that has failed to authenticate.
type offender struct {
	patience *rate.Limiter // holds what is left before the ban, in parts of a failure
	until    time.Time     // end of the last ban
	bans     int           // in a row
}

// fail counts a failure; a ban of 0 is none.
func (o *offender) fail(now time.Time, limits Options) (ban time.Duration) {
	if o.until.After(now) {
		return 0 // it was under way when the ban began
	}
	if o.patience == nil {
		o.patience = patience(limits)
	}
	if o.patience.AllowN(now, forgiven) {
		return 0
	}
	if now.Sub(o.until) > limits.BanMax {
		o.bans = 0
	}
	ban = banOf(o.bans, limits)
	o.bans++
	o.until = now.Add(ban)
	o.patience = patience(limits)
	return ban
}

// forgive makes up for a part of a failure.
func (o *offender) forgive(now time.Time) {
	if o.patience != nil {
		o.patience.AllowN(now, -1)
	}
}

// patience holds BanAfter failures less the one that begins the ban, and recovers within BanFor.
func patience(o Options) *rate.Limiter {
	recovery := rate.Limit(float64(o.BanAfter*forgiven) / o.BanFor.Seconds())
	return rate.NewLimiter(recovery, (o.BanAfter-1)*forgiven)
}

// banOf doubles with every ban in a row.
func banOf(before int, o Options) time.Duration {
	ban := o.BanFor
	for ; before > 0 && ban < o.BanMax; before-- {
		ban *= 2
	}
	return min(ban, o.BanMax)
}
