package specs_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	. "sbc-registrar/specs/support"
)

// Phones of other makes, as Debian packages them. They ask for 4 s, so that one sees them refresh.
var _ = Describe("A real client registers, refreshes and unregisters:", Label("clients"), func() {
	const clientStart = 20 * time.Second // on a busy machine

	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Set("registration.minExpires", "1s")
		site.Start()
	})

	// events are the registrar's log events of that name.
	events := func(name string) func() []map[string]any {
		return func() []map[string]any {
			var found []map[string]any
			for _, line := range site.Registrar.Logs() {
				if line["event"] == name {
					found = append(found, line)
				}
			}
			return found
		}
	}

	expectRegisteredAndRefreshed := func(aor string) {
		GinkgoHelper()
		Eventually(events("register.registered")).WithTimeout(clientStart).Should(HaveLen(1), "it registers")
		Expect(site.Stored(aor)).To(HaveKeyWithValue("protocol", "udp"))
		Eventually(events("register.refreshed")).ShouldNot(BeEmpty(), "it refreshes its binding")
		Expect(events("register.registered")()).To(HaveLen(1), "its binding stays the same")
	}

	expectUnregistered := func(aor string) {
		GinkgoHelper()
		Eventually(events("register.unregistered")).Should(HaveLen(1), "it unregisters")
		Expect(site.Stored(aor)).To(BeEmpty())
		Expect(events("register.refused")()).To(BeEmpty())
		Expect(events("register.failed")()).To(BeEmpty())
	}

	It("baresip", func() {
		baresip := StartClient(map[string]string{
			"config": "sip_listen 127.0.0.1:0\nmodule_path /usr/lib/baresip/modules\n" +
				"module stdio.so\nmodule_app account.so\nmodule_app menu.so\n",
			"accounts": fmt.Sprintf(`<sip:daveh@example.com;transport=udp>;auth_pass=%s;outbound="sip:%s";regint=4`+"\n",
				Password, site.FrontEnd.SIP("udp")),
			"contacts": "",
		}, "baresip", "-4", "-f", ".")
		expectRegisteredAndRefreshed("daveh@example.com")
		baresip.Type("q")
		Eventually(baresip).Should(gexec.Exit(0))
		expectUnregistered("daveh@example.com")
	})

	It("linphone", func() {
		front := site.FrontEnd.SIP("udp")
		linphone := StartClient(map[string]string{
			"linphonerc": fmt.Sprintf("[sip]\nsip_port=%d\nsip_tcp_port=0\nsip_tls_port=0\nbind_address=127.0.0.1\nuse_ipv6=0\n"+
				"guess_hostname=0\nregister_only_when_network_is_up=0\ndefault_proxy=0\n"+
				"[proxy_0]\nreg_proxy=<sip:%s;transport=udp>\nreg_route=<sip:%s;transport=udp>\nreg_identity=sip:daveh@example.com\n"+
				"reg_expires=4\nreg_sendregister=1\npublish=0\n"+
				"[auth_info_0]\nusername=daveh\npasswd=%s\nrealm=example.com\n", PortOf(FreeAddress()), front, front, Password),
			".local/share/linphone/.keep": "", // it keeps its database there and does not make the folder
		}, "linphonec", "-c", "linphonerc")
		expectRegisteredAndRefreshed("daveh@example.com")
		linphone.Type("unregister\n")
		expectUnregistered("daveh@example.com")
		linphone.Type("quit\n")
		Eventually(linphone).Should(gexec.Exit(0))
	})

	It("sipsak", func() {
		const (
			aor     = "daveh@localhost" // it wants to resolve the domain, wherever it is told to send
			contact = "sip:daveh@127.0.0.1:9"
		)
		register := func(expires string) {
			GinkgoHelper()
			exitCode, output := RunClient(nil, "sipsak", "-U", "-i", "-H", "127.0.0.1", "-s", "sip:"+aor,
				"--outbound-proxy="+site.FrontEnd.SIP("udp"), "--auth-username="+User, "-a", Password, "-C", contact, "-x", expires)
			Expect(exitCode).To(BeZero(), output)
		}
		register("60")
		Expect(site.Stored(aor)).To(HaveKeyWithValue("contact", contact))
		register("40")
		Expect(site.Lifetime(aor)).To(About(40))
		expectRegisteredAndRefreshed(aor)
		register("0")
		expectUnregistered(aor)
	})
})
