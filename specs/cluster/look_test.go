package cluster_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("A cluster as its operator sees it", func() {
	var f *Fleet

	BeforeEach(func() {
		site := NewSite()
		quiet(site)
		f = site.StartFleet(3)
	})

	command := func(args ...string) *Program {
		GinkgoHelper()
		return Finish(nil, append(append([]string{"cluster"}, args...), "--config", f.Nodes[0].Settings.File())...)
	}

	It("is told by the command line: how it is, who is in it, and who owns what", func() {
		status := command("status")
		Expect(status.ExitCode()).To(BeZero())
		Expect(status.Output()).To(HavePrefix("cluster sbc-registrar: 3 nodes (0 draining, 0 silent), 1024 shards"))

		members := command("members", "--json")
		Expect(members.ExitCode()).To(BeZero())
		shards := map[string]float64{}
		for line := range strings.Lines(string(members.Out.Contents())) {
			var row map[string]any
			Expect(json.Unmarshal([]byte(line), &row)).To(Succeed(), line)
			shards[row["name"].(string)] = row["shards"].(float64)
		}
		Expect(shards).To(And(HaveLen(3), HaveEach(BeNumerically("~", 341, 1))))
		for _, n := range f.Nodes {
			Expect(shards[n.Name]).To(BeEquivalentTo(n.Shards()), "shards of %s, by its own word", n.Name)
		}

		owner := command("owner", "daveh@example.com")
		Expect(owner.ExitCode()).To(BeZero())
		Expect(owner.Output()).To(MatchRegexp(`^daveh@example\.com is of shard \d+, owned by n[123] at 127\.0\.0\.1:\d+\n$`))
	})

	It("is not well when no node is there", func() {
		for _, n := range f.Nodes {
			n.Stop()
		}
		status := command("status")
		Expect(status.ExitCode()).To(Equal(1))
		Expect(status.Output()).To(ContainSubstring("no node is a member"))
	})

	It("has a node give away what it owns when that is wished, and take it back", func() {
		t := town(f, 9, false)
		busy(t)
		Expect(command("drain", "n2").ExitCode()).To(BeZero())
		Eventually(f.Nodes[1].Shards).Should(BeZero())
		Eventually(f.Nodes[1].Ready).Should(BeFalse(), "it is not to be sent anything")
		busy(t)
		Expect(command("members").Output()).To(MatchRegexp(`(?m)^n2 .* draining +0 `))
		Expect(command("drain", "--undo", "n2").ExitCode()).To(BeZero())
		f.WaitWhole()
		judge(f, t)
		Expect(t.Unanswered()).To(BeZero(), "requests without an answer")

		missing := command("drain", "n9")
		Expect(missing.ExitCode()).To(Equal(1))
		Expect(missing.Output()).To(ContainSubstring(`no node has the name or id "n9"`))
	})

	It("tells drachtio servers whose links a REGISTER should go to", func() {
		ask := func(n *FleetNode, query url.Values) string {
			GinkgoHelper()
			response, err := http.Get("http://" + n.HTTP() + "/route/?" + query.Encode())
			Expect(err).NotTo(HaveOccurred())
			defer func() { _ = response.Body.Close() }()
			body, err := io.ReadAll(response.Body)
			Expect(err).NotTo(HaveOccurred())
			return strings.TrimSpace(string(body))
		}
		tags := map[string]bool{}
		for _, user := range []string{"daveh", "alice", "bob", "carol", "dan", "erin", "frank", "grace"} {
			owner := strings.Fields(command("owner", user+"@example.com").Output())[7]
			for _, n := range f.Nodes {
				Expect(ask(n, url.Values{"method": {"REGISTER"}, "domain": {"example.com"}, "toUser": {user}})).
					To(MatchJSON(`{"action":"route","data":{"tag":"node-`+owner+`"}}`), "what %s says of %s", n.Name, user)
			}
			tags[owner] = true
		}
		Expect(len(tags)).To(BeNumerically(">", 1), "nodes that own one of them")
	})

	It("counts guesses over all nodes, and bans at all of them", func() {
		f2 := NewSite()
		f2.Settings.Set("abuse.banAfter", 6)
		f2.Settings.Set("abuse.banFor", "1h")
		fleet := f2.StartFleet(3)
		for range 6 {
			Expect(fleet.PhoneOf("tcp", User, "wrong").Register()).To(HaveStatus(403))
		}
		for _, n := range fleet.Nodes {
			Eventually(n.Output).Should(ContainSubstring("banned 127.0.0.1 for 3600 s"), "at %s", n.Name)
		}
		Expect(fleet.Callback.Calls()).To(HaveLen(6))
		for range 6 {
			Expect(fleet.Phone().Register()).To(HaveStatus(403))
		}
		Expect(fleet.Callback.Calls()).To(HaveLen(6), "nobody is asked about who is banned")
	})

	It("divides what a callback is asked at once among the nodes", func() {
		site := NewSite()
		site.Settings.Set("authCallback.concurrency", 12)
		fleet := site.StartFleet(3)
		for _, n := range fleet.Nodes {
			Expect(n.Metrics().Sum("callbacks_bulkhead")).To(BeEquivalentTo(4), "places of %s", n.Name)
		}
		fleet.Nodes[2].Stop()
		fleet.WaitWhole()
		Expect(fleet.Nodes[0].Metrics().Sum("callbacks_bulkhead")).To(BeEquivalentTo(6), "places of one of two")
	})
})

var _ = Describe("The way between nodes", func() {
	It("is kept by mutual TLS, with certificates that a command makes", func() {
		foreign := filepath.Join(GinkgoT().TempDir(), "certs")
		Expect(Finish(nil, "cluster", "certs", "--dir", foreign, "--host", "127.0.0.1").ExitCode()).To(BeZero())

		site := NewSite()
		quiet(site)
		f := site.NewFleet(3)
		f.Certify("127.0.0.1")
		f.Nodes[2].Secure(foreign, "127.0.0.1")
		f.Nodes[0].Start()
		f.Nodes[1].Start()
		f.WaitWhole()
		t := town(f, 10, false)
		busy(t)
		Expect(f.Sum("cluster_forwards_total", `what="answered"`)).To(BeNumerically(">", 5), "REGISTERs that went from node to node")
		Expect(f.Sum("cluster_forwards_total", `what="stood-in"`)).To(BeZero())

		f.Nodes[2].Start() // it shares their Redis, but is none of them: nobody takes anything from it
		f.WaitWhole()
		t.AllSucceed(movedAgain)
		judge(f, t)
	})

	It("is not opened to strangers: off loopback it wants TLS", func() {
		site := NewSite()
		site.Settings.Set("cluster", Settings{"enabled": true, "bind": "0.0.0.0:3082", "advertise": "192.0.2.1"})
		refused := Finish(nil, "serve", "--config", site.Settings.File())
		Expect(refused.ExitCode()).To(Equal(2))
		Expect(refused.Output()).To(ContainSubstring("mutual TLS by cluster.tls.ca, cert and key"))
	})
})
