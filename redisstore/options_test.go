package redisstore

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"
)

func TestOpenRefuses(t *testing.T) {
	cluster := []string{"127.0.0.1:7000"}
	for why, options := range map[string]Options{
		"exactly one of":             {},
		"socket, sentinels and":      {Address: "127.0.0.1:6379", Socket: "/run/redis"},
		"name of their master":       {Sentinels: cluster},
		"go together":                {Address: "127.0.0.1:6379", SentinelMaster: "mymaster"},
		"credentials need sentinels": {Address: "127.0.0.1:6379", SentinelPassword: "Secret"},
		"a cluster has no databases": {Cluster: cluster, DB: 1},
		"is none of seed":            {Address: "127.0.0.1:6379", Schema: "other"},
		"different slots":            {Cluster: cluster, Schema: Both},
		"replicas is not negative":   {Address: "127.0.0.1:6379", WaitReplicas: -1},
		"braces":                     {Address: "127.0.0.1:6379", Prefix: "{sip}:"},
		"no control characters":      {Address: "127.0.0.1:6379", Prefix: "sip\n"},
		"redis option Password":      {Address: "127.0.0.1:6379", Extra: map[string]any{"Password": "Secret"}},
		"redis option addrs":         {Address: "127.0.0.1:6379", Extra: map[string]any{"addrs": "x"}},
		"invalid keys: poolsise":     {Address: "127.0.0.1:6379", Extra: map[string]any{"poolsise": 3}},
		"'PoolSize'":                 {Address: "127.0.0.1:6379", Extra: map[string]any{"PoolSize": "many"}},
		"500 is no duration":         {Address: "127.0.0.1:6379", Extra: map[string]any{"ReadTimeout": 500}},
		"time: unknown unit":         {Address: "127.0.0.1:6379", Extra: map[string]any{"ReadTimeout": "5 apples"}},
	} {
		t.Run(why, func(t *testing.T) {
			g := NewWithT(t)
			_, err := Open(options)
			g.Expect(err).To(MatchError(ContainSubstring(why)))
			g.Expect(err.Error()).NotTo(ContainSubstring("Secret"))
		})
	}
}

func TestOpenReportsAllProblems(t *testing.T) {
	g := NewWithT(t)
	_, err := Open(Options{Cluster: []string{"127.0.0.1:7000"}, DB: 1, Schema: Both, Prefix: "{"})
	g.Expect(err).To(MatchError(And(
		ContainSubstring("databases"), ContainSubstring("different slots"), ContainSubstring("braces"))))
}

func TestClientSettings(t *testing.T) {
	g := NewWithT(t)
	secure := &tls.Config{MinVersion: tls.VersionTLS13}
	store := openStore(t, Options{
		Address: "127.0.0.1:6379", Username: "me", Password: "Secret", DB: 2, TLS: secure, Timeout: time.Second,
		Extra: map[string]any{"poolsize": "7", "ReadTimeout": "300ms", "connMaxIdleTime": -1},
	})
	single := store.client.(*redis.Client).Options()
	g.Expect(single.Addr).To(Equal("127.0.0.1:6379"))
	g.Expect([]any{single.Username, single.Password, single.DB}).To(Equal([]any{"me", "Secret", 2}))
	g.Expect(single.TLSConfig.MinVersion).To(BeEquivalentTo(tls.VersionTLS13))
	g.Expect(single.PoolSize).To(Equal(7))
	g.Expect(single.ReadTimeout).To(Equal(300 * time.Millisecond))
	g.Expect(single.DialTimeout).To(Equal(500 * time.Millisecond))
	g.Expect(single.ContextTimeoutEnabled).To(BeTrue())
	g.Expect(single.MaxRetries).To(BeZero(), "none")
	g.Expect(single.DialerRetries).To(Equal(1))
	g.Expect(single.DisableIdentity).To(BeTrue())

	socket := openStore(t, Options{Socket: "run/redis.sock"})
	g.Expect(socket.client.(*redis.Client).Options().Network).To(Equal("unix"))
	g.Expect(socket.timeout).To(Equal(DefaultTimeout))
	g.Expect(socket.keys.schema).To(Equal(Seed))
}

func TestOptionsHideSecrets(t *testing.T) {
	g := NewWithT(t)
	options := Options{
		Sentinels: []string{"127.0.0.1:26379"}, SentinelMaster: "mymaster", SentinelPassword: "Secret1",
		Username: "registrar", Password: "Secret2", Extra: map[string]any{"CredentialsProvider": "Secret3"},
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, value := range []any{options, &options, []Options{options}, struct{ O Options }{options}} {
			printed := fmt.Sprintf(verb, value)
			g.Expect(printed).NotTo(ContainSubstring("Secret"), verb)
			g.Expect(strings.Contains(printed, "registrar")).To(BeTrue(), "%s prints %s", verb, printed)
		}
	}
}
