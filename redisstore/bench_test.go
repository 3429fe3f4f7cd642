package redisstore

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"sbc-registrar/registration"
)

// The CPU time that is reported is that of this process alone, by operation: what the registrar pays. Redis pays for itself.

// BenchmarkSave is one refresh after the other of one AOR, on a real server, in each schema.
func BenchmarkSave(b *testing.B) { benchmarkSaves(b, 1) }

// BenchmarkBatch is the same in batches, of as many AORs.
func BenchmarkBatch(b *testing.B) {
	for _, size := range []int{16, 256} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { benchmarkSaves(b, size) })
	}
}

func benchmarkSaves(b *testing.B, size int) {
	server := startServer(b)
	for _, schema := range []Schema{Seed, Jambonz, Both} {
		b.Run(string(schema), func(b *testing.B) {
			store := openStore(b, Options{Socket: server.Socket, Prefix: string(schema), Schema: schema})
			binding := benchmarkBinding()
			aors, versions := benchmarkAORs(size), make([]int64, size)
			for i, aor := range aors {
				versions[i] = stored(b, store, aor)
			}
			round(b, store, size, func(i int, now time.Time) registration.Operation {
				binding.Refreshed, binding.Expires = now, now.Add(time.Hour)
				return &registration.Change{
					AOR:      aors[i],
					Next:     registration.State{Version: versions[i], Bindings: []registration.Binding{binding}},
					Now:      now,
					Deadline: now.Add(time.Second),
				}
			}, func(i int, r registration.Result) { versions[i] = r.State.Version })
		})
	}
}

// BenchmarkLoad reads bindings, one at a time and in batches.
func BenchmarkLoad(b *testing.B) {
	server := startServer(b)
	store := openStore(b, Options{Socket: server.Socket})
	for _, size := range []int{1, 256} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			aors := benchmarkAORs(size)
			for _, aor := range aors {
				change := registration.Change{
					AOR: aor, Now: time.Now(), Deadline: time.Now().Add(time.Second),
					Next: registration.State{Bindings: []registration.Binding{benchmarkBinding()}},
				}
				change.Next.Bindings[0].Expires = time.Now().Add(time.Hour)
				change.Next.Version = stored(b, store, change.AOR)
				if _, err := store.Save(b.Context(), change); err != nil {
					b.Fatal(err)
				}
			}
			round(b, store, size, func(i int, now time.Time) registration.Operation {
				return &registration.Query{AOR: aors[i], Now: now}
			}, func(i int, r registration.Result) {
				if len(r.State.Bindings) != 1 {
					b.Fatal("nothing is stored")
				}
			})
		})
	}
}

func stored(b *testing.B, store *Store, aor registration.AOR) int64 {
	state, err := store.Load(b.Context(), aor, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	return state.Version
}

// round carries out operations in batches of a size; one loop of the benchmark is one operation.
func round(b *testing.B, store *Store, size int, next func(int, time.Time) registration.Operation, done func(int, registration.Result)) {
	b.Helper()
	b.ReportAllocs()
	operations := make([]registration.Operation, 0, size)
	began := cpuTime(b)
	b.ResetTimer()
	for left := b.N; left > 0; left -= size {
		operations = operations[:0]
		for i := range min(size, left) {
			operations = append(operations, next(i, time.Now()))
		}
		results, _ := store.Do(b.Context(), operations)
		for i, r := range results {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
			done(i, r)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((cpuTime(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func BenchmarkEncode(b *testing.B) {
	state := registration.State{Bindings: []registration.Binding{benchmarkBinding()}}
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		out = appendDocument(out[:0], state)
	}
}

func BenchmarkDecode(b *testing.B) {
	raw := encode(registration.State{Bindings: []registration.Binding{benchmarkBinding()}})
	for name, read := range map[string]func(int64, string) (registration.State, error){"ours": decode, "any": decodeAny} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := read(1, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchmarkAORs(size int) []registration.AOR {
	aors := make([]registration.AOR, size)
	for i := range aors {
		var err error
		if aors[i], err = registration.ParseAOR(fmt.Sprintf("alice%d@example.com", i)); err != nil {
			panic(err)
		}
	}
	return aors
}

func benchmarkBinding() registration.Binding {
	now := time.Now()
	return registration.Binding{
		Contact:    mustParse(`<sip:alice@192.0.2.10:5062;transport=tcp>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"`),
		CallID:     "a84b4c76e66710@192.0.2.10",
		CSeq:       4711,
		Registered: now.Add(-time.Hour),
		Granted:    30 * time.Second,
		UserAgent:  "Telephone 1.0",
		Flow: registration.Flow{
			Protocol: "tcp", Source: netip.MustParseAddrPort("203.0.113.7:49152"), Received: netip.MustParseAddrPort("198.51.100.3:5060"),
			SBCAddress: "udp/198.51.100.3:5060,tcp/198.51.100.3:5060",
		},
		Authorization: registration.Authorization{Username: "alice", Realm: "example.com", Algorithm: "MD5", Given: now, Until: now.Add(time.Hour)},
	}
}
