package redisstore

import (
	"testing"
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// BenchmarkSave is one refresh after the other of one AOR, on a real server, in each schema.
func BenchmarkSave(b *testing.B) {
	server := startServer(b)
	for _, schema := range []Schema{Seed, Jambonz, Both} {
		b.Run(string(schema), func(b *testing.B) {
			store := openStore(b, Options{Socket: server.Socket, Prefix: string(schema), Schema: schema})
			aor, binding := benchmarkBinding(b)
			var version int64
			b.ReportAllocs()
			for b.Loop() {
				now := time.Now()
				binding.Refreshed, binding.Expires = now, now.Add(time.Hour)
				state, err := store.Save(b.Context(), registration.Change{
					AOR:      aor,
					Next:     registration.State{Version: version, Bindings: []registration.Binding{binding}},
					Now:      now,
					Deadline: now.Add(time.Second),
				})
				if err != nil {
					b.Fatal(err)
				}
				version = state.Version
			}
		})
	}
}

func benchmarkBinding(b *testing.B) (registration.AOR, registration.Binding) {
	b.Helper()
	aor, err := registration.ParseAOR("alice@example.com")
	if err != nil {
		b.Fatal(err)
	}
	contact, err := sip.ParseAddress("<sip:alice@192.0.2.10:5062;transport=tcp>")
	if err != nil {
		b.Fatal(err)
	}
	return aor, registration.Binding{
		Contact: contact,
		CallID:  "a84b4c76e66710@192.0.2.10",
		Flow:    registration.Flow{Protocol: "tcp", SBCAddress: "udp/198.51.100.3:5060,tcp/198.51.100.3:5060"},
	}
}
