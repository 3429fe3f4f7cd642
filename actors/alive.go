package actors

import (
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Alive tells whether the actors that every REGISTER goes through still take their messages: the root and its children. One
// that does not within that time is stuck for good, since no Receive blocks and every REGISTER has its deadline. Links and
// addresses of record are left out: they may be down for a while, and the rest works meanwhile.
func (r *Registrar) Alive(within time.Duration) error {
	touched := map[string]*actor.Future{}
	for _, id := range r.pillars() {
		pid := actor.NewPID(r.root.Address, id)
		touched[id] = r.system.Root.RequestFuture(pid, &actor.Touch{}, within) // the library answers it behind Receive
	}
	for id, future := range touched {
		if _, err := future.Result(); err != nil {
			return fmt.Errorf("actor %s does not answer: %w", id, err)
		}
	}
	return nil
}

// pillars are the names of the root actor and its children. They are looked up each time: there is no other place that
// would have to know of a new one.
func (r *Registrar) pillars() []string {
	names := []string{r.root.Id}
	for _, part := range r.system.ProcessRegistry.LocalPIDs.LocalPIDs {
		part.IterCb(func(name string, _ any) {
			if rest, below := strings.CutPrefix(name, r.root.Id+"/"); below && !strings.Contains(strings.TrimPrefix(rest, shardsName+"/"), "/") {
				names = append(names, name)
			}
		})
	}
	return names
}

// Links are how many drachtio servers are connected now, and to how many we connect; the second is 0 when they connect to us.
func (r *Registrar) Links() (up, servers int) {
	return int(r.deps.linksUp.Load()), len(r.deps.links.Servers)
}
