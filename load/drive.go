package load

import (
	"context"
	"math"
	"time"
)

// The phases of a run, as Progress tells them.
const (
	phaseWaiting = iota
	phasePrefill
	phaseWarmUp
	phaseWindow
	phaseDraining
	phaseOver
)

var phaseNames = [...]string{"waiting", "prefill", "warm-up", "window", "draining", "over"}

const (
	// step is how often the open loop looks what is due.
	step = time.Millisecond
	// look is how often the closed loop looks after what waits.
	look = 5 * time.Millisecond
	// prefillInFlight is how many phones register at once before the warm-up.
	prefillInFlight = 256
	// interruptDrain is how long answers are waited for after an interruption.
	interruptDrain = 2 * time.Second
)

// now is the clock of the run, in ns.
func (g *Generator) now() int64 { return time.Since(g.start).Nanoseconds() }

// each does something to every server, one after the other.
func (g *Generator) each(do func(*server)) {
	for _, s := range g.servers {
		s.lock()
		do(s)
		s.unlock()
	}
}

// prefill registers every user once.
func (g *Generator) prefill(ctx context.Context) {
	g.phase.Store(phasePrefill)
	g.quota.reset()
	g.each(func(s *server) {
		s.plan = plan{loop: true, once: true, left: len(s.phones), retry: true, quota: &g.quota}
	})
	g.spawn(prefillInFlight)
	g.tickUntil(ctx, look, func() bool { return g.underWay() == 0 })
	g.stop()
}

// spawn begins deeds of the closed loop, dealt to the servers.
func (g *Generator) spawn(deeds int) {
	for i := range deeds {
		s := g.servers[i%len(g.servers)]
		s.lock()
		s.next(s.now)
		s.unlock()
	}
}

// tickUntil looks after what waits until something is the case, or ctx is done.
func (g *Generator) tickUntil(ctx context.Context, every time.Duration, done func() bool) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
			g.each((*server).tick)
			g.watch.look(g.now())
		case <-ctx.Done():
			return
		}
	}
}

// stop begins nothing more; deeds that wait to come again are dropped.
func (g *Generator) stop() {
	g.quota.over.Store(true)
	g.each((*server).stop)
}

func (g *Generator) underWay() (deeds int) {
	g.each(func(s *server) { deeds += s.underWay })
	return deeds
}

// drive makes the load: warm-up, window, and what is left then.
func (g *Generator) drive(ctx context.Context) {
	o := &g.options
	g.quota.reset()
	g.each(func(s *server) {
		s.plan = plan{
			loop: o.Rate == 0 && !o.OnceEach, once: o.OnceEach, left: len(s.phones), retry: o.Retry, mix: o.Mix, quota: &g.quota,
		}
	})
	if o.WarmUp > 0 && !o.OnceEach {
		g.phase.Store(phaseWarmUp)
	} else {
		g.open()
	}
	p := newPace(o, g.now())
	every := look
	if p.open {
		every = step
	}
	warm := p.start + o.WarmUp.Nanoseconds()
	g.tickUntil(ctx, every, func() bool {
		now := g.now()
		if g.phase.Load() == phaseWarmUp && now >= warm {
			g.open()
		}
		over := g.phase.Load() == phaseWindow && g.windowOver(now)
		g.proceed(&p, now) // what was due before the end, also where this goroutine was late itself
		return over
	})
	g.shut()
	g.drain(ctx)
}

// open begins the window.
func (g *Generator) open() {
	g.watch.begin()
	if g.options.Count > 0 {
		g.quota.limit(g.options.Count)
	}
	g.each(func(s *server) { s.figures.opened = true })
	g.began.Store(g.now())
	g.phase.Store(phaseWindow)
}

// windowOver tells whether the window ends now.
func (g *Generator) windowOver(now int64) bool {
	o := &g.options
	lasted := time.Duration(now - g.began.Load())
	switch {
	case o.Duration > 0 && lasted >= o.Duration:
		return true
	case o.OnceEach:
		return g.left() == 0 && g.underWay() == 0
	default:
		return g.quota.empty() && g.underWay() == 0
	}
}

// left is how many users of an avalanche have not started.
func (g *Generator) left() (users int) {
	g.each(func(s *server) { users += s.plan.left })
	return users
}

// shut ends the window.
func (g *Generator) shut() {
	if g.phase.Load() == phaseWindow {
		g.ended.Store(g.now())
		g.watch.end()
		g.each(func(s *server) { s.figures.opened = false })
	}
	g.phase.Store(phaseDraining)
	if g.options.OnceEach {
		g.each((*server).countMissing)
	}
	g.stop()
}

// drain waits for the answers that are due still: no longer than phones do, and not long after an interruption.
func (g *Generator) drain(ctx context.Context) {
	limit := g.now() + (g.options.Timeout + look).Nanoseconds()
	if ctx.Err() != nil {
		limit = g.now() + interruptDrain.Nanoseconds()
	}
	interrupted := ctx.Err() != nil
	g.tickUntil(context.WithoutCancel(ctx), look, func() bool {
		if !interrupted && ctx.Err() != nil {
			interrupted, limit = true, min(limit, g.now()+interruptDrain.Nanoseconds())
		}
		return g.underWay() == 0 || g.now() > limit
	})
	g.phase.Store(phaseOver)
}

// A pace says how many deeds are due.
type pace struct {
	open  bool
	start int64
	rate  float64 // deeds a second; closed loop: deeds under way at once
	ramp  float64 // s
	begun int     // deeds, or places of the closed loop
	most  int
}

func newPace(o *Options, start int64) pace {
	switch {
	case o.OnceEach && o.Within == 0:
		return pace{open: true, start: start, rate: math.Inf(1), most: o.Population.Len()}
	case o.OnceEach:
		return pace{open: true, start: start, rate: float64(o.Population.Len()) / o.Within.Seconds(), most: o.Population.Len()}
	case o.Rate > 0:
		return pace{open: true, start: start, rate: o.Rate, ramp: o.Ramp.Seconds(), most: math.MaxInt}
	default:
		return pace{start: start, rate: float64(o.InFlight), ramp: o.Ramp.Seconds(), most: o.InFlight}
	}
}

// due is when deed number n is due, in the open loop: the rate grows evenly during the ramp.
func (p *pace) due(n int) int64 {
	x := float64(n)
	ramped := p.rate * p.ramp / 2 // deeds in the ramp
	at := 0.0
	switch {
	case math.IsInf(p.rate, 1):
	case x < ramped:
		at = math.Sqrt(2 * p.ramp * x / p.rate)
	default:
		at = p.ramp + (x-ramped)/p.rate
	}
	return p.start + int64(at*1e9)
}

// proceed begins what is due.
func (g *Generator) proceed(p *pace, now int64) {
	if !p.open {
		places := p.most
		if p.ramp > 0 {
			places = min(p.most, int(p.rate*float64(now-p.start)/1e9/p.ramp)+1)
		}
		if places > p.begun {
			g.spawn(places - p.begun)
			p.begun = places
		}
		return
	}
	for p.begun < p.most && p.due(p.begun) <= now {
		if !g.beginDue(p) {
			return
		}
	}
}

// beginDue begins the deeds that are due at one server, some at a time under one lock, in turn with the others; false when
// nothing more is to be begun.
func (g *Generator) beginDue(p *pace) bool {
	s := g.servers[p.begun%len(g.servers)]
	s.lock()
	defer s.unlock()
	due := p.due(p.begun)
	p.begun++
	switch {
	case !g.quota.take():
		return false
	case s.underWay >= g.options.Limit/len(g.servers)+1:
		s.figures.faults[TooMany]++
	case !s.begin(due) && !s.plan.once:
		s.figures.faults[NoPhone]++
	}
	return true
}
