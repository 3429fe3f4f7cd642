package support

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"sbc-registrar/specs/support/history"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A TownPlan says who lives in a Town.
type TownPlan struct {
	Households int
	Devices    int           // of each household, with a Contact and a Call-ID each; at most history.Devices
	Twin       bool          // the first device of each has a second socket, and acts from both at the same time
	Pause      time.Duration // of each device between two requests, at most
	Rest       time.Duration // the same after a 503, or no answer
	Patience   time.Duration // how long a device waits for an answer
	Limbo      time.Duration // how long after it was sent a request without an answer may take effect
	Redone     time.Duration // after so long another node carries a request out anew; 0 = there is none
	Rounds     int           // of challenges before one is let in; 0 = 4
	Seed       uint64        // of what the devices do
}

// A Town is households whose devices register, unregister and ask all the time; what they were told, and what Redis had, is kept.
type Town struct {
	households []*Household
	reader     Reader
	stop       chan struct{}
	working    sync.WaitGroup
	events     []history.Event // of the spec's own goroutine
}

// A Household is one address of record and its history.
type Household struct {
	account Account
	plan    TownPlan
	marks   atomic.Int64
	clients atomic.Int64 // numbers given so far
	devices []*device

	mu         sync.Mutex
	operations []history.Operation
	unasked    int      // requests without credentials that were not answered
	odd        []string // what must not happen
}

// A device has one Contact and one Call-ID. Its sockets share them.
type device struct {
	number  int
	contact string // the URI
	callID  string
	cseq    atomic.Int64
	mark    atomic.Int64 // the last that it registered with
}

// StartTown lets people move in at a site whose callback knows them from now on. A Reader looks into its Redis all the time; nil =
// the Store of the site.
func (s *Site) StartTown(plan TownPlan, reader Reader) *Town {
	GinkgoHelper()
	Expect(plan.Devices).To(BeNumerically("<=", history.Devices))
	if reader == nil {
		reader = s.Store
	}
	t := &Town{reader: reader, stop: make(chan struct{})}
	for i := range plan.Households {
		h := &Household{account: Account{User: fmt.Sprintf("house%d", i), Domain: Domain, Password: Password}, plan: plan}
		s.Callback.Know(h.account)
		t.households = append(t.households, h)
		for n := range plan.Devices {
			h.devices = append(h.devices, newDevice(h, n))
		}
	}
	for i, h := range t.households {
		for _, c := range s.clientsOf(h, uint64(i)) {
			t.working.Go(func() {
				defer GinkgoRecover()
				c.live(t.stop)
			})
		}
	}
	t.working.Go(t.watch)
	DeferCleanup(t.Stop)
	return t
}

// clientsOf connects the sockets of all devices: every other device is on UDP.
func (s *Site) clientsOf(h *Household, number uint64) (clients []*client) {
	GinkgoHelper()
	for n, d := range h.devices {
		sockets := 1
		if h.plan.Twin && n == 0 {
			sockets = 2
		}
		for range sockets {
			clients = append(clients, &client{
				household: h, device: d, number: int(h.clients.Add(1)), patience: h.plan.Patience,
				phone:  s.PhoneOf([]string{"tcp", "udp"}[n%2], h.account.User, h.account.Password),
				random: rand.New(rand.NewPCG(h.plan.Seed, number<<16+uint64(len(clients)))),
			})
		}
	}
	return clients
}

func newDevice(h *Household, number int) *device {
	name := string(rune('a' + number))
	return &device{
		number:  number,
		contact: fmt.Sprintf("sip:%s-%s@127.0.0.1:5099", h.account.User, name),
		callID:  fmt.Sprintf("%s-%s-%08x", h.account.User, name, rand.Uint32()),
	}
}

// Stop lets everybody finish what is under way. Nothing is done any more when it returns.
func (t *Town) Stop() {
	select {
	case <-t.stop:
	default:
		close(t.stop)
	}
	t.working.Wait()
}

// During notes a fault and its end, for whoever reads a history; the end is when the returned function is called.
func (t *Town) During(fault string) (over func()) {
	began := time.Now()
	return func() { t.events = append(t.events, history.Event{Name: fault, Began: began, Ended: time.Now()}) }
}

func (h *Household) enter(o history.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, o)
}

func (h *Household) complain(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.odd = append(h.odd, h.account.User+": "+fmt.Sprintf(format, args...))
}

// history is what was told so far.
func (h *Household) history() []history.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]history.Operation(nil), h.operations...)
}
