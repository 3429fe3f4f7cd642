package faults_test

import (
	"net"
	"net/http"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("A callback that moves to another address", func() {
	const (
		name        = "callback.test"
		before      = "127.0.0.2"
		after       = "127.0.0.3"
		phonesKnown = 20
	)
	var (
		site        *Site
		hosts       *Hosts
		here, there *Callback
		phones      []*Phone
	)

	BeforeEach(func() {
		site = NewSite()
		hosts = NewHosts(name, before)
		here = StartCallback(map[string]string{}, At(before+":0"))
		_, port, err := net.SplitHostPort(here.Address())
		Expect(err).NotTo(HaveOccurred())
		there = StartCallback(map[string]string{}, At(net.JoinHostPort(after, port)))
		site.Settings.Set("authCallback.uri", "http://"+net.JoinHostPort(name, port)+"/auth")
		site.Settings.Set("authCallback.timeout", "1s")
		site.Settings.Set("registration.absorb", "off")
		site.Settings.Set("abuse.aorRate", 0)
		phones = crowd(site, "user", phonesKnown)
		for _, phone := range phones {
			for _, callback := range []*Callback{here, there} {
				callback.Know(Account{User: phone.User, Password: phone.Password})
			}
		}
	})

	start := func() {
		GinkgoHelper()
		site.Registrar = hosts.Serve(site.Settings)
		site.Registrar.WaitReady()
	}

	// together has all phones register at once, so that there is a connection for each.
	together := func() {
		GinkgoHelper()
		requests := authorize(phones)
		for i, phone := range phones {
			phone.Send(requests[i])
		}
		for i, phone := range phones {
			Expect(phone.Answer(requests[i])).To(HaveStatus(200))
		}
	}

	It("is followed there though the old address still answers", func() {
		site.Settings.Set("authCallback.connectionLifetime", "1s")
		start()
		together()
		Expect(here.Calls()).To(HaveLen(phonesKnown))
		hosts.Point(name, after)
		Eventually(func() int {
			together()
			return len(there.Calls())
		}).WithTimeout(15*time.Second).Should(BeNumerically(">", 0), "the new address is asked") // Go looks at the file every 5 s
		Eventually(func() int {
			count := len(here.Calls())
			together()
			return len(here.Calls()) - count
		}).Should(BeZero(), "the old address is not asked any more")
	})

	// Each kept connection to the old address would cost one more.
	It("is found there soon after the old address hangs, however many connections were kept to it", func() {
		start()
		together()
		hosts.Point(name, after)
		here.Respond(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		tried := 0
		Eventually(func() Response {
			tried++
			return phones[tried%phonesKnown].Register()
		}).WithTimeout(phonesKnown*time.Second).Should(HaveStatus(200), "the new address is found") // Go looks at the file every 5 s
		Expect(len(here.Calls())-phonesKnown).To(BeNumerically("<=", 8), "questions that the old address left open")
	})
})

var _ = Describe("The certificates of a callback", func() {
	var (
		site         *Site
		ours         *Authority
		presentation *Presentation
		ca           string
	)

	BeforeEach(func() {
		site = NewSite()
		ours, presentation = NewAuthority(), &Presentation{}
		presentation.Show(ours.Issue("callback", time.Now().Add(time.Hour)))
		ca = File("ca.pem", ours.PEM())
		site.Callback = StartCallback(map[string]string{User: Password, Another: AnothersWord}, Speaking(presentation.Config()))
		site.Settings.Set("authCallback.uri", site.Callback.URL())
		site.Settings.Set("authCallback.tls.ca", ca)
		site.Settings.Set("authCallback.connectionLifetime", "1s")
		site.Settings.Set("registration.absorb", "off")
		site.Settings.Set("abuse.aorRate", 0)
	})

	registers := func() Response { return site.Phone().Register() }

	It("are an error when they have expired, and are accepted at once when they are renewed", func() {
		presentation.Show(ours.Issue("callback", time.Now().Add(-time.Minute)))
		site.Start()
		Expect(registers()).To(AskToRetry())
		Expect(site.Registrar.Logs()).To(ContainElement(HaveKeyWithValue("cause", ContainSubstring("certificate has expired"))), "the log says why")
		Expect(site.Keys()).To(BeEmpty())
		presentation.Show(ours.Issue("callback", time.Now().Add(time.Hour)))
		Eventually(registers).WithTimeout(recovery).Should(HaveStatus(200))
	})

	It("may come from another authority, without a restart", func() {
		site.Start()
		Expect(registers()).To(HaveStatus(200))
		theirs := NewAuthority()
		presentation.Show(theirs.Issue("callback", time.Now().Add(time.Hour)))
		Eventually(registers).Should(AskToRetry(), "a new connection is opened, and not trusted")
		Replace(ca, theirs.PEM())
		Eventually(registers).WithTimeout(recovery).Should(HaveStatus(200))
		Expect(site.Registrar.Logs()).To(ContainElement(HaveKeyWithValue("event", "callback.tls.reloaded")))
	})

	It("are answered with our own, which may change without a restart, and stay as they were when the new ones are broken", func() {
		folder := GinkgoT().TempDir()
		cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
		renew := func(name string) {
			newCert, newKey := ours.Issue(name, time.Now().Add(time.Hour))
			Replace(cert, newCert)
			Replace(key, newKey)
		}
		renew("first")
		site.Settings.Set("authCallback.tls.cert", cert)
		site.Settings.Set("authCallback.tls.key", key)
		site.Start()
		Expect(registers()).To(HaveStatus(200))
		Expect(presentation.Client()).To(Equal("first"))

		Replace(key, "garbage")
		Eventually(func() []map[string]any {
			Expect(registers()).To(HaveStatus(200))
			return site.Registrar.Logs()
		}).Should(ContainElement(HaveKeyWithValue("event", "callback.tls.failed")), "the log line")
		Expect(presentation.Client()).To(Equal("first"))

		renew("second")
		Eventually(func() string {
			Expect(registers()).To(HaveStatus(200))
			return presentation.Client()
		}).Should(Equal("second"))
	})
})
