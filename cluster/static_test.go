package cluster_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"sbc-registrar/cluster"
	"sbc-registrar/cluster/registrytest"
)

func TestStaticRegistry(t *testing.T) {
	var mu sync.Mutex
	byName := map[string]*cluster.Static{}
	registrytest.Run(t, registrytest.Place{
		TTL: time.Second, Fixed: true,
		Open: func(_ *testing.T, name string) cluster.Registry {
			mu.Lock()
			defer mu.Unlock()
			if byName[name] == nil {
				byName[name] = cluster.NewStatic(registrytest.Addresses...)
			}
			return byName[name]
		},
	})
}

func TestEverybodyInAStaticListIsAMember(t *testing.T) {
	registry := cluster.NewStatic("b:1", "a:1", "b:1")
	view, err := registry.View(t.Context())
	if err != nil || len(view.Members) != 2 || view.Members[0] != (cluster.Member{ID: "a:1", Name: "a:1", Address: "a:1"}) {
		t.Errorf("got %+v, %v", view, err)
	}
	if _, err := registry.Beat(t.Context(), cluster.Member{ID: "c:1"}, time.Second); !errors.Is(err, cluster.ErrNoMember) {
		t.Errorf("a stranger: %v", err)
	}
}
