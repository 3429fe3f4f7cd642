package specs_test

import (
	"crypto/tls"
	"io"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
)

var _ = Describe("TLS to a drachtio server", func() {
	var (
		certificate *Certificate
		site        *Site
	)

	BeforeEach(func() {
		certificate = NewCertificate()
		site = NewTLSSite(certificate)
	})

	It("carries REGISTERs when its certificate is trusted", func() {
		site.Settings.Set("drachtio.tls.ca", certificate.CertFile)
		site.Start()
		Expect(site.Phone().Register()).To(HaveStatus(200))
	})

	It("carries REGISTERs when its key is pinned, too", func() {
		site.Settings.Set("drachtio.tls.ca", certificate.CertFile)
		site.Settings.Set("drachtio.tls.pins", []string{certificate.Pin})
		site.Start()
		Expect(site.Phone().Register()).To(HaveStatus(200))
	})

	DescribeTable("does not come up when",
		func(distrust func()) {
			distrust()
			registrar := Serve(site.Settings)
			Eventually(registrar.Output).Should(MatchRegexp("certificate|pinned"), "the log says why")
			Consistently(registrar.Ready).Should(BeFalse(), "not ready")
			Expect(site.Phone().Register()).To(HaveStatus(503))
		},
		Entry("nobody vouches for its certificate", func() {}),
		Entry("its key is not the one that is pinned", func() {
			site.Settings.Set("drachtio.tls.ca", certificate.CertFile)
			site.Settings.Set("drachtio.tls.pins", []string{NewCertificate().Pin})
		}),
	)

	It("never comes back as plain TCP (fault 13)", func() {
		site.Settings.Set("drachtio.tls.ca", certificate.CertFile)
		site.Start()
		site.FrontEnd.Stop()
		site.FrontEnd.Start(func(o *edge.Options) { o.ControlTLS = nil })
		Eventually(site.Registrar.Ready).Should(BeFalse(), "the link is lost")
		Consistently(site.Registrar.Ready).WithTimeout(2*time.Second).Should(BeFalse(), "the link stays down")

		site.FrontEnd.Stop()
		site.FrontEnd.Start(func(o *edge.Options) { o.ControlTLS = certificate.Server() })
		Eventually(site.Registrar.Ready).Should(BeTrue(), "the link is back")
		Expect(site.Phone().Register()).To(HaveStatus(200))
	})
})

var _ = Describe("TLS from drachtio servers", func() {
	It("lets in those whose key is pinned, and says nothing to others", func() {
		ours, theirs := NewCertificate(), NewCertificate()
		site := NewListeningSite(theirs.Client(ours))
		site.Settings.Set("drachtio.tls.enabled", true)
		site.Settings.Set("drachtio.tls.cert", ours.CertFile)
		site.Settings.Set("drachtio.tls.key", ours.KeyFile)
		site.Settings.Set("drachtio.tls.pins", []string{theirs.Pin})
		site.Settings.Set("drachtio.bind", "127.0.0.1")
		site.Start()
		Expect(site.Phone().Register()).To(HaveStatus(200))

		for who, config := range map[string]*tls.Config{
			"with another key":      NewCertificate().Client(ours),
			"without a certificate": ours.Anonymous(),
		} {
			Expect(heard(site.RegistrarAddress(), config)).To(BeEmpty(), "a stranger "+who)
		}
		Expect(site.Phone().Register()).To(HaveStatus(200))
	})
})

// heard is what a registrar says to who connects by TLS, until it closes.
func heard(address string, config *tls.Config) string {
	GinkgoHelper()
	stranger, err := tls.Dial("tcp", address, config)
	if err != nil {
		return "" // turned away in the handshake
	}
	defer func() { _ = stranger.Close() }()
	Expect(stranger.SetReadDeadline(time.Now().Add(5 * time.Second))).To(Succeed())
	said, err := io.ReadAll(stranger)
	Expect(err).NotTo(MatchError(ContainSubstring("timeout")), "the registrar closes")
	return string(said)
}
