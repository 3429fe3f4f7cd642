package specs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// readByJambonz is what specs/interop/mw-registrar.js prints.
type readByJambonz struct {
	Count, Total int
	Users        []string
	Details      []map[string]any
	Queries      map[string]map[string]any
}

var _ = Describe("@jambonz/mw-registrar, by which jambonz's other servers read,", Label("interop"), func() {
	const carol = "carol"
	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Set("redis.schema", "jambonz")
		site.Settings.Set("drachtio.privateNetworks", []string{"127.0.0.0/8"})
		site.Callback.Know(Account{User: carol, Domain: "example.org", Password: Password})
		site.Start()
	})

	read := func(aors ...string) readByJambonz {
		GinkgoHelper()
		script := Node("mw-registrar.js", append([]string{fmt.Sprint(PortOf(site.Redis.Address)), Domain}, aors...)...)
		Eventually(script.Exited).Should(BeClosed(), "node ends")
		Expect(script.ExitCode()).To(BeZero(), "the library reports no error")
		var found readByJambonz
		Expect(json.Unmarshal(script.Out.Contents(), &found)).To(Succeed(), string(script.Out.Contents()))
		return found
	}

	// listed are the contacts that our own list shows, by address of record.
	listed := func() map[string]string {
		GinkgoHelper()
		list := Finish(nil, "registrations", "list", "--json", "--config", site.Settings.File())
		Expect(list.ExitCode()).To(BeZero())
		contacts := map[string]string{}
		for line := range strings.Lines(string(list.Out.Contents())) {
			var binding struct{ AOR, Contact string }
			Expect(json.Unmarshal([]byte(line), &binding)).To(Succeed(), line)
			contacts[binding.AOR] = binding.Contact
		}
		return contacts
	}

	It("counts, lists and queries whom we list, with what the hook granted", func() {
		dave, alice := site.Phone(), site.PhoneOf("tcp", Another, AnothersWord)
		elsewhere := site.PhoneOf("udp", carol, Password)
		elsewhere.Domain = "example.org"
		site.Callback.Grant(`{"status":"ok","expires":600,"call_hook":"https://example.com/call","call_status_hook":"https://example.com/status",` +
			`"allow_direct_app_calling":true,"allow_direct_queue_calling":false,"allow_direct_user_calling":true}`)
		Expect(dave.Register()).To(HaveStatus(200))
		site.Callback.Grant(`{"status":"ok"}`)
		Expect(alice.Register()).To(HaveStatus(200))
		Expect(elsewhere.Register()).To(HaveStatus(200))

		ours := listed()
		found := read(slices.Sorted(maps.Keys(ours))...)
		Expect(found.Total).To(Equal(len(ours)))
		Expect(found.Count).To(Equal(2), "users of the realm")
		Expect(found.Users).To(ConsistOf(User, Another))
		for aor, contact := range ours {
			Expect(found.Queries).To(HaveKeyWithValue(aor, HaveKeyWithValue("contact", contact)))
		}

		granted := found.Queries[dave.AOR()]
		Expect(granted).To(And(
			HaveKeyWithValue("callHook", "https://example.com/call"), HaveKeyWithValue("callStatusHook", "https://example.com/status"),
			HaveKeyWithValue("allow_direct_app_calling", true), HaveKeyWithValue("allow_direct_queue_calling", false),
			HaveKeyWithValue("allow_direct_user_calling", true), HaveKeyWithValue("protocol", "udp"),
			HaveKeyWithValue("proxy", "sip:"+dave.Address()), HaveKeyWithValue("sbcAddress", site.FrontEnd.Announcement()),
			HaveKeyWithValue("privateSbcAddress", site.FrontEnd.SIP("tcp"))))
		Expect(found.Queries[alice.AOR()]).To(And(
			HaveKeyWithValue("protocol", "tcp"), HaveKeyWithValue("allow_direct_app_calling", false), Not(HaveKey("callHook"))))
		Expect(found.Details).To(ConsistOf(
			And(HaveKeyWithValue("name", User), HaveKeyWithValue("contact", dave.Contact()), HaveKeyWithValue("expiryTime", granted["expiryTime"])),
			And(HaveKeyWithValue("name", Another), HaveKeyWithValue("contact", alice.Contact()))))
	})

	It("finds nobody who has unregistered or was refused", func() {
		phone := site.Phone()
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(phone.Register(WithExpires("0"))).To(ListNothing())
		Expect(site.PhoneOf("udp", Another, "wrong-"+Secret).Register()).To(HaveStatus(403))

		found := read("daveh@example.com", "alice@example.com")
		Expect(found).To(Equal(readByJambonz{
			Users: []string{}, Details: []map[string]any{},
			Queries: map[string]map[string]any{"daveh@example.com": nil, "alice@example.com": nil},
		}))
	})
})
