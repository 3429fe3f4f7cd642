package load

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// rest is how long the closed loop pauses when nothing can be sent: it must not spin.
const rest = int64(100 * time.Millisecond)

// hold is how long a drachtio server keeps a transaction that is not answered.
const hold = 64 * time.Second

// A server is one drachtio server that is played, with the phones behind it.
type server struct {
	options *Options
	start   time.Time // of the clock of the run
	index   int       // its number among the servers
	known   [3]bool   // algorithms of the phones
	outlet  outlet    // where requests go

	mu      sync.Mutex // guards all below; whoever holds it never waits for the network
	now     int64      // ns on the clock of the run, when the lock was taken
	at      time.Time  // the same moment
	phones  []phone
	aside   map[uint32]asideNonce
	table   table
	wheel   wheel
	random  *rand.Rand
	plan    plan
	compose composer
	figures figures
	answer  answer

	underWay int // deeds, those that wait to come again included
	intruded uint32
	starts   cursor // the next phone to start
	goes     cursor // the next phone to go on
}

// An outlet takes the requests of a server, which is locked meanwhile.
type outlet interface {
	// send hands a frame on and tells whether there is anybody to take it. It keeps no reference to it.
	send(frame []byte, t ticket) bool
	// flush lets what was sent go out.
	flush()
}

// A plan is what a server is to do at the moment.
type plan struct {
	loop  bool // a deed that ends lets the next begin
	once  bool // each phone starts once
	left  int  // once: phones that have not started
	retry bool
	over  bool // nothing more is begun, nobody comes again
	mix   Mix
	quota *quota
}

func newServer(o *Options, index int, start time.Time, run uint32, transports []transport) *server {
	users := (o.Population.Len() - index + o.Servers - 1) / o.Servers
	n := uint32(users) //nolint:gosec // a Population is not that large
	s := &server{
		options: o, start: start, index: index,
		phones: make([]phone, users), aside: map[uint32]asideNonce{}, wheel: newWheel(),
		random: rand.New(rand.NewPCG(o.Seed, uint64(index))), figures: newFigures(), //nolint:gosec // small
		starts: newCursor(n), goes: newCursor(n),
		compose: composer{
			population: o.Population, transports: transports, sources: uint32(o.Sources), //nolint:gosec // checked
			expires: int(o.Expires / time.Second), run: run + uint32(index), address: fmt.Sprintf("192.0.2.%d", index+1),
		},
	}
	for _, name := range o.Algorithms {
		if a, known := readAlgorithm([]byte(name)); known {
			s.known[a] = true
		}
	}
	return s
}

// announcement is where the server takes SIP, as it tells applications.
func (s *server) announcement() string {
	a := s.compose.address
	return fmt.Sprintf("wss/%s:8443,ws/%s:5066,tls/%s:5061,tcp/%s:5060,udp/%s:5060", a, a, a, a, a)
}

// lock takes the lock and looks at the clock.
func (s *server) lock() {
	s.mu.Lock()
	s.at = time.Now()
	s.now = s.at.Sub(s.start).Nanoseconds()
}

// unlock lets go out what was sent and gives the lock back.
func (s *server) unlock() {
	s.outlet.flush()
	s.mu.Unlock()
}

// user is the number of a phone in the whole population.
func (s *server) user(phone uint32) uint32 {
	return phone*uint32(s.options.Servers) + uint32(s.index) //nolint:gosec // small
}

// begin begins a deed that is due then; false when no phone is free for one.
func (s *server) begin(due int64) bool {
	d, ok := s.choose()
	if !ok {
		return false
	}
	d.due = due
	s.underWay++
	s.figures.each(func(t *tally) { t.begun[d.kind]++ })
	if !d.kind.intrudes() {
		s.phones[d.user].busy = true
	}
	s.open(d)
	return true
}

// open sends the first request of a deed, or of another try.
func (s *server) open(d deed) {
	if d.kind.intrudes() {
		s.send(d, nil, 0)
		return
	}
	if d.kind == Register {
		if d.retries == 0 {
			s.phones[d.user].life++
			s.phones[d.user].cseq = 0
		}
		s.forget(d.user)
		s.send(d, nil, 0)
		return
	}
	if c, nc, ok := s.recall(d.user); ok {
		s.send(d, &c, nc)
		return
	}
	s.send(d, nil, 0)
}

// send sends one request of a deed.
func (s *server) send(d deed, proof *challenge, nc uint32) {
	place, t := s.table.open(d, s.now, s.now+s.options.Timeout.Nanoseconds())
	t.proves, t.fresh = proof != nil, proof != nil && nc == 1
	if d.kind.intrudes() {
		t.cseq = uint32(d.asked) + 1
	} else {
		s.phones[d.user].cseq++
		t.cseq = s.phones[d.user].cseq
	}
	r := s.register(place, t)
	r.proof, r.nc = proof, nc
	frame := s.compose.write(r, s.at)
	s.figures.each(func(t *tally) { t.requests++ })
	if !s.outlet.send(frame, r.ticket) {
		s.table.close(place)
		s.unsent(d, NoRoute)
	}
}

// register is the REGISTER of a transaction.
func (s *server) register(place uint32, t *transaction) register {
	return register{
		kind: t.kind, user: s.user(t.user), origin: t.origin, life: s.phones[t.user].life, cseq: t.cseq,
		ticket: ticket{place, t.generation, s.compose.run},
	}
}

// done ends a deed as it should end.
func (s *server) done(d deed) {
	s.figures.each(func(t *tally) { t.done[d.kind]++ })
	s.figures.last = s.now
	s.figures.record(s.figures.latencies[d.kind], s.now-d.due)
	s.end(d)
	s.next(s.now)
}

// fail ends a deed otherwise.
func (s *server) fail(d deed, f Fault) {
	s.figures.faults[f]++
	s.figures.each(func(t *tally) { t.failed[d.kind]++ })
	s.end(d)
	s.next(s.now)
}

// unsent ends a deed whose request could not be sent.
func (s *server) unsent(d deed, f Fault) {
	s.figures.faults[f]++
	if s.plan.retry {
		s.again(d, s.options.Pause)
		return
	}
	s.figures.each(func(t *tally) { t.failed[d.kind]++ })
	s.end(d)
	s.pause()
}

// pause lets the loop go on a moment later.
func (s *server) pause() {
	if s.plan.loop {
		s.wheel.add(deed{kind: kinds}, s.now+rest)
	}
}

func (s *server) end(d deed) {
	s.underWay--
	if !d.kind.intrudes() {
		s.phones[d.user].busy = false
	}
}

// next lets the loop go on.
func (s *server) next(due int64) {
	if !s.plan.loop || !s.plan.quota.take() {
		return
	}
	if !s.begin(due) {
		s.plan.quota.give()
		if !s.plan.once {
			s.pause()
		}
	}
}

// again lets a deed come again after a pause.
func (s *server) again(d deed, pause time.Duration) {
	if s.plan.over {
		s.figures.each(func(t *tally) { t.dropped++ })
		s.end(d)
		return
	}
	s.figures.each(func(t *tally) { t.retries++ })
	d.asked, d.stale = 0, false
	d.retries++
	s.wheel.add(d, s.now+pause.Nanoseconds())
}

// stop begins nothing more, and drops what waits to come again.
func (s *server) stop() {
	s.plan.loop, s.plan.over = false, true
	for _, d := range s.wheel.takeAll() {
		if d.kind != kinds {
			s.again(d, 0)
		}
	}
}

// countMissing counts who is not registered at the end of an avalanche.
func (s *server) countMissing() {
	now := seconds(s.now)
	for i := range s.phones {
		if s.phones[i].until <= now {
			s.figures.faults[NotBack]++
		}
	}
}

// tick looks after what waits: requests without an answer, and deeds that come again.
func (s *server) tick() {
	for {
		d, found := s.table.late(s.now, s.now+hold.Nanoseconds())
		if !found {
			break
		}
		if s.plan.retry {
			s.figures.faults[NoAnswer]++
			s.again(d, 0)
			continue
		}
		s.fail(d, NoAnswer)
	}
	for _, d := range s.wheel.take(s.now) {
		if d.kind == kinds {
			s.next(s.now)
			continue
		}
		s.open(d)
	}
}
