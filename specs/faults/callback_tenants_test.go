package faults_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("One tenant's callback in trouble, while others work", func() {
	const (
		timeout  = 3 * time.Second
		affected = 100 // phones
		others   = 300
		rounds   = 2

		luckyAtATime = 8 // far from what the machine can do, so that they wait for nothing but their own answers
	)
	var (
		site    *Site
		tenants *Callback // acme's
	)

	BeforeEach(func() {
		site = NewSite()
		tenants = StartCallback(map[string]string{})
		site.Settings.Set("realms", []any{Settings{"name": "acme.example", "callback": Settings{"uri": tenants.URL()}}})
		site.Settings.Set("authCallback.timeout", timeout.String())
		site.Settings.Set("abuse.trusted", []string{"127.0.0.0/8"})
		site.Settings.Set("registration.absorb", "off")
		site.Start()
	})

	// register has all phones register once, so many at a time, and returns how long each waited for the answer to its credentials.
	register := func(phones []*Phone, atATime, status int) []time.Duration {
		GinkgoHelper()
		var (
			mu    sync.Mutex
			waits []time.Duration
			wg    sync.WaitGroup
		)
		for part := range slices.Chunk(phones, (len(phones)+atATime-1)/atATime) {
			wg.Go(func() {
				defer GinkgoRecover()
				for _, phone := range part {
					request := phone.Authorized(phone.Challenge())
					sent := time.Now()
					response := phone.Do(request)
					waited := time.Since(sent)
					Expect(response).To(HaveStatus(status))
					mu.Lock()
					waits = append(waits, waited)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		Expect(waits).To(HaveLen(len(phones)), "every phone got its answer")
		slices.Sort(waits)
		return waits
	}

	DescribeTable("costs the phones of the others nothing",
		func(trouble func()) {
			unlucky, lucky := crowd(site, "unlucky", affected), crowd(site, "lucky", others)
			for _, phone := range unlucky {
				phone.Domain = "acme.example"
			}
			for _, phone := range lucky {
				site.Callback.Know(Account{User: phone.User, Password: phone.Password})
			}
			register(lucky, luckyAtATime, 200)
			usual := register(lucky, luckyAtATime, 200)
			trouble()

			var wg sync.WaitGroup
			wg.Go(func() {
				defer GinkgoRecover()
				for range rounds {
					register(unlucky, affected, 503)
				}
			})
			var waits []time.Duration
			for range rounds {
				waits = append(waits, register(lucky, luckyAtATime, 200)...)
			}
			wg.Wait()
			slices.Sort(waits)
			AddReportEntry("wait of the others", fmt.Sprintf("median %s, longest %s; without trouble %s, %s",
				waits[len(waits)/2], waits[len(waits)-1], usual[len(usual)/2], usual[len(usual)-1]))
			Expect(waits[len(waits)-1]).To(BeNumerically("<", timeout), "the longest that one of the others waited")
			Expect(waits[len(waits)/2]).To(BeNumerically("<", 2*usual[len(usual)/2]+timeout/10), "what the others usually waited")
			expectOneAnswerEach(site)
			Expect(site.Keys()).NotTo(ContainElement(ContainSubstring("acme.example")), "nothing is stored for the tenant in trouble")
		},
		Entry("when it hangs", func() { tenants.Respond(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }) }),
		Entry("when it is gone", func() { tenants.Close() }),
		Entry("when it has nothing but errors", func() { tenants.RespondWith(500, granted) }),
	)
})
