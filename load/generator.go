package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"
)

// ErrNotRouted says that no application wanted REGISTERs in time.
var ErrNotRouted = errors.New("load: no application has routed REGISTER")

// A Generator plays the servers and their phones. Make it by New and end it by Close.
type Generator struct {
	options  Options
	start    time.Time
	servers  []*server
	ports    []*controlPort // with Options.Listen
	diallers []*dialler     // with Options.Apps
	watch    *watch

	phase atomic.Int32
	began atomic.Int64 // when the window began, ns on the clock of the run; 0 = not yet
	ended atomic.Int64 // when it ended
	quota quota
}

// New opens what Options.Listen names. Its error tells everything that is wrong with the options, or what could not be opened.
func New(o Options) (*Generator, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	dealt, err := deal(o.Transports)
	if err != nil {
		return nil, err
	}
	g := &Generator{options: o, start: time.Now(), watch: newWatch(o.Processes)}
	run := rand.Uint32()
	for i := range o.Servers {
		s := newServer(&g.options, i, g.start, run, dealt)
		g.servers = append(g.servers, s)
		if len(o.Apps) > 0 {
			d := newDialler(s, o.Apps)
			s.outlet = d
			g.diallers = append(g.diallers, d)
			continue
		}
		s.outlet = nobody{}
		p, err := listen(s, o.Listen[i])
		if err != nil {
			g.Close()
			return nil, err
		}
		s.mu.Lock()
		s.outlet = p
		s.mu.Unlock()
		g.ports = append(g.ports, p)
	}
	return g, nil
}

// Run makes one generator, runs its load and closes it.
func Run(ctx context.Context, o Options) (Report, error) {
	g, err := New(o)
	if err != nil {
		return Report{}, err
	}
	defer g.Close()
	return g.Run(ctx)
}

// Addresses are the control ports that applications connect to, in the order of Options.Listen.
func (g *Generator) Addresses() []string {
	var addresses []string
	for _, p := range g.ports {
		addresses = append(addresses, p.listener.Addr().String())
	}
	return addresses
}

// Watch adds processes to those of the options, before Run: an application may have to be started after the ports it connects to.
func (g *Generator) Watch(processes ...Process) {
	g.watch = newWatch(append(processes, g.options.Processes...))
}

// Close closes all connections and waits for the goroutines that serve them.
func (g *Generator) Close() {
	for _, p := range g.ports {
		p.close()
	}
	for _, d := range g.diallers {
		d.close()
	}
}

// WaitRouted waits until REGISTER is routed on every control port, or every application accepts connections, at most for
// Options.Connect; then the error is ErrNotRouted. Run does so, too.
func (g *Generator) WaitRouted(ctx context.Context) error {
	patience := time.NewTimer(g.options.Connect)
	defer patience.Stop()
	for _, p := range g.ports {
		select {
		case <-p.routed:
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return fmt.Errorf("%w at %s within %v%s", ErrNotRouted, p.listener.Addr(), g.options.Connect, p.hint())
		}
	}
	for _, app := range g.options.Apps {
		if err := awaitListening(ctx, app, patience.C); err != nil {
			return err
		}
	}
	return nil
}

// awaitListening dials an application until it listens.
func awaitListening(ctx context.Context, app string, patience <-chan time.Time) error {
	for {
		dialer := net.Dialer{Timeout: dialTimeout}
		conn, err := dialer.DialContext(ctx, "tcp", app)
		if err == nil {
			return conn.Close()
		}
		pause := time.NewTimer(acceptPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-patience:
			return fmt.Errorf("%w: %w", ErrNotRouted, err)
		}
	}
}

// hint tells what an application did wrong that has not routed.
func (p *controlPort) hint() string {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	if n := p.server.figures.faults[WrongSecret]; n > 0 {
		return fmt.Sprintf(": %d connections with a wrong secret", n)
	}
	return ""
}

// Run makes the load and reports, also when ctx ends before. Its errors are those of WaitRouted: what went wrong later is in
// the report. To be called once.
func (g *Generator) Run(ctx context.Context) (Report, error) {
	if err := g.WaitRouted(ctx); err != nil {
		return Report{}, err
	}
	if g.options.Prefill && !g.options.OnceEach {
		g.prefill(ctx)
	}
	if ctx.Err() == nil {
		g.drive(ctx)
	}
	return g.report(), nil
}

// A quota is how many deeds may still be begun.
type quota struct {
	limited atomic.Bool
	left    atomic.Int64
	over    atomic.Bool // none at all
}

// take tells whether one more may be begun.
func (q *quota) take() bool {
	if q.over.Load() {
		return false
	}
	return !q.limited.Load() || q.left.Add(-1) >= 0
}

// give returns one that was not begun.
func (q *quota) give() {
	if q.limited.Load() {
		q.left.Add(1)
	}
}

// empty tells whether none is left.
func (q *quota) empty() bool { return q.limited.Load() && q.left.Load() <= 0 }

func (q *quota) reset() {
	q.limited.Store(false)
	q.over.Store(false)
}

func (q *quota) limit(n int) {
	q.left.Store(int64(n))
	q.limited.Store(true)
}

// nobody is the outlet of a server that is not open yet.
type nobody struct{}

func (nobody) send([]byte, ticket) bool { return false }
func (nobody) flush()                   {}
