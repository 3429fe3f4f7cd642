package etcdleases

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sbc-registrar/cluster"
	"sbc-registrar/cluster/registrytest"
	"sbc-registrar/specs/support/etcdserver"
)

// testTTL is a multiple of a second, as leases of etcd are, and long enough for a disk that is busy with other tests.
const testTTL = 2 * time.Second

func open(t *testing.T, name string, endpoints ...string) *Registry {
	t.Helper()
	r, err := Open(Options{Endpoints: endpoints, Prefix: "test/", Name: name})
	must(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func start(t *testing.T, size int) (servers []*etcdserver.Server, endpoints []string) {
	t.Helper()
	servers, err := etcdserver.StartCluster(size)
	must(t, err)
	for _, s := range servers {
		t.Cleanup(s.Stop)
		endpoints = append(endpoints, s.Address)
	}
	return servers, endpoints
}

// place is where leases are kept by these servers.
func place(endpoints []string) registrytest.Place {
	return registrytest.Place{
		TTL:  testTTL,
		Open: func(t *testing.T, name string) cluster.Registry { return open(t, name, endpoints...) },
		Forget: func(t *testing.T, name string) {
			r := open(t, name, endpoints...)
			_, err := r.client.Delete(t.Context(), r.root, clientv3.WithPrefix())
			must(t, err)
		},
	}
}

func TestOneServer(t *testing.T) {
	t.Parallel()
	servers, endpoints := start(t, 1)
	p := place(endpoints)
	p.Outages = map[string]func(*testing.T) func(){
		"it hangs": func(t *testing.T) func() {
			must(t, servers[0].Pause())
			return func() { must(t, servers[0].Resume()) }
		},
		"it is restarted": func(t *testing.T) func() {
			servers[0].Kill()
			return func() { must(t, servers[0].Start()) }
		},
		"it is set up anew": func(t *testing.T) func() {
			servers[0].Kill()
			must(t, servers[0].Forget())
			return func() { must(t, servers[0].Start()) }
		},
	}
	registrytest.Run(t, p)
}

func TestThreeServers(t *testing.T) {
	t.Parallel()
	servers, endpoints := start(t, 3)
	p := place(endpoints)
	p.Outages = map[string]func(*testing.T) func(){
		"the leader dies": func(t *testing.T) func() {
			leader(t, servers, endpoints).Kill()
			return func() {}
		},
	}
	registrytest.RunOutages(t, p)
}

// leader is the server that leads the others.
func leader(t *testing.T, servers []*etcdserver.Server, endpoints []string) *etcdserver.Server {
	t.Helper()
	r := open(t, "to ask", endpoints...)
	for _, s := range servers {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		status, err := r.client.Status(ctx, s.Address)
		cancel()
		must(t, err)
		if status.Leader == status.Header.MemberId {
			return s
		}
	}
	t.Fatal("nobody leads")
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
