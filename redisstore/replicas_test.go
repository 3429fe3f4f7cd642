package redisstore

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
	"sbc-registrar/specs/support/redisserver"
)

// A pair is a master, its replica, and the network between the two.
type pair struct {
	*harness
	master, replica *redisserver.Server
	between         *link
}

func newPair(t *testing.T) *pair {
	t.Helper()
	master := startServer(t)
	between := linkTo(t, master.Address)
	host, port := split(between.Listen)
	replica := startServer(t, redisserver.Config("replicaof "+host+" "+port, "repl-timeout 60"))
	options := Options{Address: master.Address}
	p := &pair{newHarness(t, options, options), master, replica, between}
	confirmed := 0 // the first may have been of nothing: a master counts its changes only since it has a replica
	p.Eventually(func() int {
		replies, err := p.raw.Pipelined(p.ctx, func(pipe redis.Pipeliner) error {
			pipe.Set(p.ctx, p.options.Prefix+"probe", "x", time.Minute)
			pipe.Do(p.ctx, "WAIT", 1, 100)
			return nil
		})
		p.Expect(err).NotTo(HaveOccurred())
		if replies[1].(*redis.Cmd).Val() == int64(1) {
			confirmed++
		}
		return confirmed
	}).WithTimeout(10*time.Second).Should(Equal(2), "the replica confirms")
	return p
}

// part makes the network swallow what the two say to each other.
func (p *pair) part() {
	p.between.add("timeout", "upstream", `"timeout":0`)
	p.between.add("timeout", "downstream", `"timeout":0`)
}

// register changes as many addresses of record at once; the confirmed ones come back.
func (p *pair) register(store *Store, users int) (confirmed []registration.AOR, statuses map[registration.Status]int) {
	operations := make([]registration.Operation, users)
	for i := range operations {
		change := p.change(p.aor(fmt.Sprintf("user%d@example.com", i)), 0, p.binding("<sip:phone@192.0.2.1>", time.Hour))
		operations[i] = &change
	}
	results, settle := store.Do(p.ctx, operations)
	if settle != nil {
		settle()
	}
	statuses = map[registration.Status]int{}
	for i, r := range results {
		statuses[r.Status]++
		if r.Err == nil {
			confirmed = append(confirmed, operations[i].Owner())
		}
	}
	return confirmed, statuses
}

// lost has the replica take over from the master, which is gone, and counts who is missing.
func (p *pair) lost(t *testing.T, confirmed []registration.AOR) int {
	p.master.Kill()
	raw := redis.NewClient(&redis.Options{Addr: p.replica.Address})
	defer func() { _ = raw.Close() }()
	p.Expect(raw.ReplicaOf(p.ctx, "NO", "ONE").Err()).To(Succeed())
	successor := p.subject(t, Options{Address: p.replica.Address})
	missing := 0
	for _, aor := range confirmed {
		state, err := successor.Load(p.ctx, aor, p.now)
		p.Expect(err).NotTo(HaveOccurred())
		if state.Version == 0 {
			missing++
		}
	}
	return missing
}

// What a master confirmed that was cut off from its replicas is lost when one of them takes over: all of it by the word of the
// master alone, none when replicas have to confirm it, for then nothing is confirmed.
func TestWhatACutOffMasterConfirms(t *testing.T) {
	const users = 50
	for replicas, want := range map[int]struct {
		status    registration.Status
		confirmed int
	}{
		0: {registration.StatusOK, users},
		1: {registration.StatusUnconfirmed, 0},
	} {
		t.Run(fmt.Sprintf("waiting for %d", replicas), func(t *testing.T) {
			p := newPair(t)
			store := p.subject(t, Options{Address: p.master.Address, WaitReplicas: replicas})
			p.part()
			confirmed, statuses := p.register(store, users)
			p.Expect(statuses).To(Equal(map[registration.Status]int{want.status: users}))
			p.Expect(confirmed).To(HaveLen(want.confirmed))
			p.Expect(p.lost(t, confirmed)).To(Equal(want.confirmed), "all of them, if any")
		})
	}
}

func TestWhatAReplicaConfirms(t *testing.T) {
	const users = 50
	p := newPair(t)
	store := p.subject(t, Options{Address: p.master.Address, WaitReplicas: 1})
	confirmed, statuses := p.register(store, users)
	p.Expect(statuses).To(Equal(map[registration.Status]int{registration.StatusOK: users}))
	p.Expect(p.lost(t, confirmed)).To(BeZero())
}

// A replica that is late confirms a change that has been made before: by its token, on another connection.
func TestAReplicaThatIsLate(t *testing.T) {
	p := newPair(t)
	store := p.subject(t, Options{Address: p.master.Address, WaitReplicas: 1, Timeout: 10 * time.Second})
	change := p.change(p.aor("alice@example.com"), 0, p.binding(wsContact, time.Hour))
	change.Deadline = time.Now().Add(9 * time.Second)
	p.part()
	results, settle := store.Do(p.ctx, []registration.Operation{&change})
	p.Expect(results[0].Known()).To(BeFalse(), "it is made, and not confirmed yet")
	p.between.heal()
	settle()
	p.Expect(results[0].Err).NotTo(HaveOccurred())
	p.Expect(results[0].Status).To(Equal(registration.StatusDup))
	p.Expect(p.lost(t, []registration.AOR{change.AOR})).To(BeZero())
}

// A change whose reply was lost is waited for as well when it is repeated, though the repetition has nothing to change.
func TestARepeatedChangeIsWaitedFor(t *testing.T) {
	p := newPair(t)
	options := p.options
	options.WaitReplicas, options.Timeout = 1, time.Second
	p.store = openStore(t, options)
	p.save(p.change(p.aor("bob@example.com"), 0, p.binding(wsContact, time.Hour)))
	p.part()
	runs := 0
	p.onScript(func(ctx context.Context, run func(context.Context) error) error {
		if runs++; runs > 1 {
			return run(ctx)
		}
		p.Expect(run(ctx)).To(Succeed())
		p.Expect(p.raw.Do(p.ctx, "CLIENT", "KILL", "TYPE", "normal").Err()).To(Succeed()) // all but its own connection
		return io.EOF
	})
	_, statuses := p.register(p.store, 1)
	p.Expect(runs).To(BeNumerically(">", 1))
	p.Expect(statuses).To(Equal(map[registration.Status]int{registration.StatusUnconfirmed: 1}))
}

// In a cluster each master waits for its own replicas.
func TestReplicasOfACluster(t *testing.T) {
	cluster, err := redisserver.StartCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	options := Options{Cluster: cluster.Addresses()}
	h := newHarness(t, options, options)
	options.WaitReplicas = 1
	p := &pair{harness: h}
	_, statuses := p.register(h.subject(t, options), 50)
	h.Expect(statuses).To(Equal(map[registration.Status]int{registration.StatusOK: 50}))
	options.WaitReplicas = 2
	_, statuses = p.register(h.subject(t, options), 60)
	h.Expect(statuses).To(Equal(map[registration.Status]int{registration.StatusStale: 50, registration.StatusUnconfirmed: 10}))
}
