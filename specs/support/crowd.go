package support

import (
	"fmt"
	"maps"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// pace is the pause of a phone of a crowd between two registrations.
const pace = 5 * time.Millisecond

// A Crowd are phones that register all the time, each with its own address of record, and keep count of what they are told.
type Crowd struct {
	stop     chan struct{}
	phones   sync.WaitGroup
	mu       sync.Mutex
	statuses map[int]int
}

// StartCrowd starts so many phones on udp or tcp at a site whose callback knows them from now on. One that gets no answer at all fails
// the spec.
func (s *Site) StartCrowd(network string, phones int) *Crowd {
	GinkgoHelper()
	c := &Crowd{stop: make(chan struct{}), statuses: map[int]int{}}
	for i := range phones {
		account := Account{User: fmt.Sprintf("crowd%d", i), Domain: Domain, Password: Password}
		s.Callback.Know(account)
		phone := s.PhoneOf(network, account.User, account.Password)
		c.phones.Go(func() {
			defer GinkgoRecover()
			c.register(phone)
		})
	}
	DeferCleanup(func() { c.Stop() })
	return c
}

func (c *Crowd) register(phone *Phone) {
	for {
		response := phone.Do(phone.Request())
		c.count(response.Status)
		if response.Status == 401 {
			c.count(phone.Do(phone.Authorized(response)).Status)
		}
		select {
		case <-c.stop:
			return
		case <-time.After(pace):
		}
	}
}

func (c *Crowd) count(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statuses[status]++
}

// Statuses are the final answers so far: status to how many.
func (c *Crowd) Statuses() map[int]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.statuses)
}

// Registered is how many registrations were granted so far.
func (c *Crowd) Registered() int { return c.Statuses()[200] }

// Stop lets every phone finish and go home, and returns the final answers.
func (c *Crowd) Stop() map[int]int {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	c.phones.Wait()
	return c.Statuses()
}

// ExpectServed stops and tells that all were served, but for a few that were sent away for the moment (503), the machine being busy.
func (c *Crowd) ExpectServed(who string) {
	GinkgoHelper()
	told := c.Stop()
	GinkgoWriter.Printf("%s were told %v\n", who, told)
	Expect(told[503]).To(BeNumerically("<=", told[200]/10), "%s that were sent away", who)
	delete(told, 503)
	Expect(told).To(And(HaveLen(2), HaveKey(200), HaveKey(401)), "what %s were told", who)
}
