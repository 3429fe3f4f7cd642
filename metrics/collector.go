package metrics

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sbc-registrar/actors"
)

// A collector reads what is at hand when somebody scrapes. Nothing it asks waits for anything.
type collector struct {
	look  atomic.Pointer[func() (actors.Snapshot, bool)]
	links int
	build []string

	mu        sync.Mutex
	users     map[string]int // by domain
	counted   time.Time
	nonceKeys time.Time

	buildInfo                                   reading
	linksUp, linksWanted                        reading
	underWay, places, standing                  reading
	asking, limit, bulkhead, waiting, breaker   reading
	aors, passivations                          reading
	nodes, shards                               reading
	registeredUsers, countedTime, nonceKeysTime reading
}

func newCollector(d *definitions, o Options) *collector {
	return &collector{
		links: o.Links, build: []string{o.Version, o.Revision, o.GoVersion},

		buildInfo:       d.read("build_info", "gauge", "1, with the version of the program.", "version", "revision", "goversion"),
		linksUp:         d.read("links_up", "gauge", "Links to drachtio servers that are up: those that we dialled, and the connections that servers opened."),
		linksWanted:     d.read("links_wanted", "gauge", "drachtio servers that are dialled; 0 when they connect to us."),
		underWay:        d.read("registers_under_way", "gauge", "REGISTERs between their frame and their answer."),
		places:          d.read("registers_places", "gauge", "How many may be under way at once."),
		standing:        d.read("queue_standing_seconds", "gauge", "How long a REGISTER that comes now will wait at a stage, more than a burst makes. It is what REGISTERs are shed by.", "stage"),
		asking:          d.read("callbacks_in_flight", "gauge", "Questions to the callback of a realm that are under way.", "realm"),
		limit:           d.read("callbacks_limit", "gauge", "How many may be at present: the limit follows how fast the callback answers.", "realm"),
		bulkhead:        d.read("callbacks_bulkhead", "gauge", "How many may ever be (authCallback.concurrency).", "realm"),
		waiting:         d.read("callbacks_waiting", "gauge", "Questions that wait for their turn.", "realm"),
		breaker:         d.read("callback_breaker", "gauge", "1 for the state that the breaker of a realm is in: closed, half-open or open. Open, its callback is left alone for a moment.", "realm", "state"),
		aors:            d.read("aor_actors", "gauge", "Actors of addresses of record that live now."),
		passivations:    d.read("aor_passivations_total", "counter", "Actors of addresses of record that went because they were idle."),
		nodes:           d.read("cluster_nodes", "gauge", "Nodes that share the addresses of record, as this one sees it: those that are members and do not drain. Absent without a cluster."),
		shards:          d.read("cluster_shards", "gauge", "Shards, of 1,024 in all, that this node owns. Absent without a cluster."),
		registeredUsers: d.read("registered_users", "gauge", "Users with a registration in Redis, over all nodes: take the maximum over instances, not the sum. At most 1,000 domains.", "domain"),
		countedTime:     d.read("registered_users_timestamp_seconds", "gauge", "When they were counted last (Unix time)."),
		nonceKeysTime:   d.read("nonce_keys_timestamp_seconds", "gauge", "When the nonce keys were last read from Redis (Unix time). Absent when they are configured."),
	}
}

// Watch says where to look when somebody scrapes; false means that there is nothing to see yet.
func (p *Prometheus) Watch(look func() (actors.Snapshot, bool)) { p.looking.look.Store(&look) }

// Counted notes how many users are registered in which domains.
func (p *Prometheus) Counted(users map[string]int, at time.Time) {
	p.looking.mu.Lock()
	defer p.looking.mu.Unlock()
	p.looking.users, p.looking.counted = users, at
}

// NonceKeysRead notes when the shared nonce keys were read.
func (p *Prometheus) NonceKeysRead(at time.Time) {
	p.looking.mu.Lock()
	defer p.looking.mu.Unlock()
	p.looking.nonceKeys = at
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, r := range []reading{
		c.buildInfo, c.linksUp, c.linksWanted, c.underWay, c.places, c.standing, c.asking, c.limit, c.bulkhead, c.waiting,
		c.breaker, c.aors, c.passivations, c.nodes, c.shards, c.registeredUsers, c.countedTime, c.nonceKeysTime,
	} {
		to <- r.desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	c.buildInfo.send(to, 1, c.build...)
	c.linksWanted.send(to, float64(c.links))
	c.collectCounts(to)
	look := c.look.Load()
	if look == nil {
		return
	}
	s, ok := (*look)()
	if !ok {
		return
	}
	c.linksUp.send(to, float64(s.LinksUp))
	c.underWay.send(to, float64(s.UnderWay))
	c.places.send(to, float64(s.Places))
	c.aors.send(to, float64(s.AORs))
	c.passivations.send(to, float64(s.Passivated))
	if s.Clustered {
		c.nodes.send(to, float64(s.Nodes))
		c.shards.send(to, float64(s.Shards))
	}
	for stage, standing := range s.Standing {
		c.standing.send(to, standing.Seconds(), string(stage))
	}
	c.collectCallbacks(to, s.Callbacks)
}

// collectCallbacks shows each realm once, whatever it is called: two series of one name would spoil the whole scrape.
func (c *collector) collectCallbacks(to chan<- prometheus.Metric, callbacks []actors.CallbackSnapshot) {
	shown := make(map[string]bool, len(callbacks))
	for _, callback := range callbacks {
		if shown[callback.Realm] {
			continue
		}
		shown[callback.Realm] = true
		c.asking.send(to, float64(callback.Asking), callback.Realm)
		c.limit.send(to, float64(callback.Limit), callback.Realm)
		c.bulkhead.send(to, float64(callback.Bulkhead), callback.Realm)
		c.waiting.send(to, float64(callback.Waiting), callback.Realm)
		for _, state := range actors.Breakers() {
			value := 0.0
			if state == callback.Breaker {
				value = 1
			}
			c.breaker.send(to, value, callback.Realm, state)
		}
	}
}

// collectCounts shows what others have found out in the background.
func (c *collector) collectCounts(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for domain, users := range c.users {
		c.registeredUsers.send(to, float64(users), domain)
	}
	if !c.counted.IsZero() {
		c.countedTime.send(to, unix(c.counted))
	}
	if !c.nonceKeys.IsZero() {
		c.nonceKeysTime.send(to, unix(c.nonceKeys))
	}
}

func unix(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }
