package faults_test

import (
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// The goroutines are counted in the unit tests of package drachtio; here the kernel is asked.
var _ = Describe("A thousand reconnects", func() {
	const servers, links = 200, 6 // six links to each: the first, and five of the thousand

	It("leave no descriptor and no memory behind", func() {
		site := NewSite()
		quiet(site)
		var addresses []string
		var up, ended atomic.Int64
		var serving sync.WaitGroup
		stop := make(chan struct{})
		DeferCleanup(func() {
			close(stop)
			serving.Wait()
		})
		request := site.Phone().Request()
		for range servers {
			rogue := StartRogue()
			addresses = append(addresses, rogue.Address())
			serving.Go(func() {
				defer GinkgoRecover()
				for n := range links {
					link, ok := rogue.Await(stop)
					if !ok {
						return
					}
					if !link.Welcome() || !link.Hand(transactionNumber(n), "192.0.2.1:5060", request) {
						continue
					}
					up.Add(1)
					if n+1 < links {
						link.Read() // the answer; it is not confirmed
						link.Close()
						ended.Add(1)
						continue
					}
					link.Serve(func(string, string) {})
				}
			})
		}
		site.Settings.Remove("drachtio.host")
		site.Settings.Remove("drachtio.port")
		site.Settings.Set("drachtio.servers", addresses)
		site.Settings.Set("http.profiling", true)
		site.Registrar = Serve(site.Settings)
		Eventually(up.Load).WithTimeout(30*time.Second).Should(BeNumerically(">=", servers), "all links are up once")
		memory := 0
		Eventually(func() bool {
			if ended.Load() > 500 && memory == 0 {
				memory = site.Registrar.Heap()
			}
			return up.Load() == servers*links
		}).WithTimeout(90*time.Second).Should(BeTrue(), "all links have come back five times")
		Expect(ended.Load()).To(BeEquivalentTo(1000), "links that ended")
		after := site.Registrar.Heap()
		GinkgoWriter.Printf("%d descriptors; %d MB resident; %d kB held half way, then %d kB\n",
			site.Registrar.Descriptors(), site.Registrar.Memory()>>20, memory>>10, after>>10)
		Eventually(site.Registrar.Descriptors).Should(BeNumerically("<=", servers+50), "one for each link, and those that were open before")
		Expect(after).To(BeNumerically("<", memory+8<<20), "bytes that it holds")
	})
})
