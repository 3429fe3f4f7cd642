package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// PulseOptions say whose lease is kept, and how.
type PulseOptions struct {
	Registry Registry
	Self     Member        // with an id that no process had before
	Interval time.Duration // between the beginnings of two beats; a third of TTL at most, so that one may fail
	TTL      time.Duration // of the lease

	// Changed is told each new status: another state, another view, or the first failure to join. It is called by one goroutine, not by that
	// which beats: it may take its time, and then hears of the newest status next, not of each between. Nil = nobody listens.
	Changed func(Status)
}

// A Pulse keeps a node a member: it joins, beats, tells what it learns, and leaves. It judges its lease by its own monotonic clock, from
// the beginning of the last beat that was confirmed: so it is fenced by its own judgement before another one may take over, unless
// it was stopped meanwhile; then it is at its next step.
//
// Being fenced by its own judgement ends with the next beat that is confirmed, for nobody has taken over. ErrFenced does
// not end: the process has to begin anew, under a new id.
type Pulse struct {
	options PulseOptions
	nudges  chan struct{}

	mu     sync.Mutex
	status Status
}

// ErrLapsed says that no beat was confirmed for the time of a lease.
var ErrLapsed = errors.New("cluster: no beat was confirmed for the time of a lease")

// NewPulse makes one that is joining, and does nothing before Run.
func NewPulse(o PulseOptions) *Pulse { return &Pulse{options: o, nudges: make(chan struct{}, 1)} }

// Status is the newest.
func (p *Pulse) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Nudge has it beat at once, to see the newest view. It never blocks; many at a time are one.
func (p *Pulse) Nudge() {
	select {
	case p.nudges <- struct{}{}:
	default:
	}
}

// Run beats until the context ends; then it leaves, which takes half a TTL at most, and returns what hindered it in that. When
// the others have ended the lease it returns ErrFenced at once, having told. It is called once.
func (p *Pulse) Run(ctx context.Context) error {
	var told sync.WaitGroup
	news := make(chan struct{}, 1)
	told.Go(func() { p.tell(news) })
	defer told.Wait()
	defer close(news)
	r := &rhythm{pulse: p, news: news, self: p.options.Self, beaten: make(chan beat, 1), due: time.NewTimer(0), lease: time.NewTimer(0)}
	r.lease.Stop()
	defer r.due.Stop()
	defer r.lease.Stop()
	return r.run(ctx)
}

// tell has Changed know of what is new.
func (p *Pulse) tell(news <-chan struct{}) {
	var earlier Status
	for range news {
		now := p.Status()
		if p.options.Changed != nil && now.news(earlier) {
			p.options.Changed(now)
		}
		earlier = now
	}
}

// A rhythm is the work of Run.
type rhythm struct {
	pulse *Pulse
	news  chan<- struct{}
	self  Member // as it is entered, should the registry have lost it

	due     *time.Timer // for the next beat; not while one is under way
	lease   *time.Timer // its end
	began   time.Time   // the newest beat
	beating bool        // it is under way
	nudged  bool        // meanwhile
	beaten  chan beat
}

// A beat is how one has ended.
type beat struct {
	began time.Time
	view  View
	err   error
}

func (r *rhythm) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return r.leave(ctx)
		case <-r.pulse.nudges:
			r.nudge()
		case <-r.due.C:
			r.beat(ctx)
		case <-r.lease.C:
			r.lapse()
		case b := <-r.beaten:
			r.beating = false
			if errors.Is(b.err, ErrFenced) {
				r.set(StateFenced, r.pulse.Status().View, b.err)
				return b.err
			}
			r.take(b)
			r.next()
		}
	}
}

// beat begins one. It is given up in time for two more before the lease ends.
func (r *rhythm) beat(ctx context.Context) {
	const perLease = 3
	o := r.pulse.options
	r.began, r.beating = time.Now(), true
	began, self := r.began, r.self
	go func() {
		ctx, cancel := context.WithTimeout(ctx, o.TTL/perLease)
		defer cancel()
		view, err := o.Registry.Beat(ctx, self, o.TTL)
		r.beaten <- beat{began, view, err}
	}()
}

// take notes what a beat has come to.
func (r *rhythm) take(b beat) {
	ttl := r.pulse.options.TTL
	left := ttl - time.Since(b.began)
	if b.err == nil && left <= 0 {
		b.err = fmt.Errorf("its answer took %s", time.Since(b.began).Round(time.Millisecond))
	}
	if b.err == nil {
		r.lease.Reset(left)
		if seen, found := b.view.Member(r.self.ID); found {
			r.self.Since, r.self.Draining = seen.Since, seen.Draining
		}
		r.set(StateMember, b.view, nil)
		return
	}
	known := r.pulse.Status()
	switch known.State {
	case StateMember:
		known.State = StateDoubtful
	case StateFenced:
		b.err = lapsed(b.err)
	default:
	}
	r.set(known.State, known.View, b.err)
}

// lapse: the lease may have ended.
func (r *rhythm) lapse() {
	known := r.pulse.Status()
	r.set(StateFenced, known.View, lapsed(known.Err))
}

func lapsed(cause error) error {
	if cause == nil {
		return ErrLapsed
	}
	return fmt.Errorf("%w: %w", ErrLapsed, cause)
}

func (r *rhythm) nudge() {
	r.nudged = true
	if !r.beating {
		r.next()
	}
}

// next decides when to beat again.
func (r *rhythm) next() {
	const hurry = 10 // however often it is nudged
	pause := r.pulse.options.Interval
	if r.nudged {
		pause /= hurry
	}
	r.nudged = false
	r.due.Reset(max(0, pause-time.Since(r.began)))
}

func (r *rhythm) set(state State, view View, err error) {
	r.pulse.mu.Lock()
	r.pulse.status = Status{state, view, err}
	r.pulse.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default: // it has not looked yet
	}
}

// leave gives the lease back, also when it is not known whether there is one. It tries a second time, for the first may meet a connection
// that is gone.
func (r *rhythm) leave(ctx context.Context) error {
	r.set(StateLeaving, r.pulse.Status().View, nil)
	if r.beating {
		<-r.beaten // its context has ended, too
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.pulse.options.TTL/2)
	defer cancel()
	err := r.pulse.options.Registry.Leave(ctx, r.self.ID)
	if err != nil && ctx.Err() == nil {
		err = r.pulse.options.Registry.Leave(ctx, r.self.ID)
	}
	if err != nil {
		return fmt.Errorf("leave the cluster: %w", err)
	}
	return nil
}
