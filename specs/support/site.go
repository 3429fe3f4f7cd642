package support

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"time"

	"sbc-registrar/edge"
	"sbc-registrar/specs/support/redisserver"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"
)

// The subscribers that the callback of a Site knows, all of Domain.
const (
	Domain       = "example.com"
	User         = "daveh"
	Password     = "daveh-" + Secret
	Another      = "alice"
	AnothersWord = "alice-" + Secret
)

// A Site is everything a registrar needs around it, each a server of its own: Redis, the callback, and the front end with
// a Tap on its control port. Settings tell the registrar where they are; change them before Start.
type Site struct {
	Redis     *redisserver.Server
	Store     *redis.Client // looks into Redis as other programs do
	Callback  *Callback
	FrontEnd  *FrontEnd
	Tap       *Tap
	Settings  Settings
	Registrar *Registrar // after Start

	listening string
}

// NewSite starts all but the registrar, which is set up to connect to the front end. Options are those of its Redis.
func NewSite(options ...redisserver.Option) *Site {
	GinkgoHelper()
	front := StartFrontEnd()
	tap := StartTap(front.Address(edge.Control))
	site := newSite(front, options...)
	site.Tap = tap
	site.ConnectTo(tap.Address())
	return site
}

// NewListeningSite starts all but the registrar, which is set up to listen: the front end dials it for every request, by
// TLS when there is a configuration for it. There is no Tap.
func NewListeningSite(dial *tls.Config) *Site {
	GinkgoHelper()
	address := FreeAddress()
	scheme := "tcp://"
	if dial != nil {
		scheme = "tls://"
	}
	site := newSite(StartFrontEnd(func(o *edge.Options) { o.Handlers, o.HandlerTLS = []string{scheme + address}, dial }))
	site.Settings.Set("drachtio.port", PortOf(address))
	site.listening = address
	return site
}

// NewHandlersSite starts all but the registrars, several of which listen at these addresses: the front end dials them in turn. There
// is no Tap.
func NewHandlersSite(addresses ...string) *Site {
	GinkgoHelper()
	return newSite(StartFrontEnd(func(o *edge.Options) {
		for _, address := range addresses {
			o.Handlers = append(o.Handlers, "tcp://"+address)
		}
	}))
}

// NewTLSSite starts all but the registrar, which is set up to connect by TLS to a front end with this certificate. There is no Tap:
// it could read nothing.
func NewTLSSite(certificate *Certificate) *Site {
	GinkgoHelper()
	site := newSite(StartFrontEnd(func(o *edge.Options) { o.ControlTLS = certificate.Server() }))
	site.ConnectTo(site.FrontEnd.Address(edge.Control))
	site.Settings.Set("drachtio.tls.enabled", true)
	return site
}

// ConnectTo makes the registrar connect to this control port.
func (s *Site) ConnectTo(control string) {
	GinkgoHelper()
	s.Settings.Set("drachtio.host", "127.0.0.1")
	s.Settings.Set("drachtio.port", PortOf(control))
}

// RegistrarAddress is where the registrar of a listening site listens.
func (s *Site) RegistrarAddress() string { return s.listening }

func newSite(front *FrontEnd, options ...redisserver.Option) *Site {
	GinkgoHelper()
	store := StartRedis(options...)
	site := &Site{
		Redis: store, Callback: StartCallback(map[string]string{User: Password, Another: AnothersWord}),
		FrontEnd: front, Settings: Settings{},
		Store: redis.NewClient(&redis.Options{Network: "unix", Addr: store.Socket, MaxRetries: -1}),
	}
	DeferCleanup(site.Store.Close)
	site.Settings.Set("drachtio.secret", LinkSecret)
	site.Settings.Set("redis.host", "127.0.0.1")
	site.Settings.Set("redis.port", PortOf(store.Address))
	site.Settings.Set("authCallback.uri", site.Callback.URL())
	site.Settings.Set("logging.level", "debug")
	return site
}

// Start starts the registrar and waits until it is ready.
func (s *Site) Start(env ...string) {
	GinkgoHelper()
	s.Registrar = Serve(s.Settings, env...)
	s.Registrar.WaitReady()
}

// Phone is a UDP phone of User.
func (s *Site) Phone() *Phone {
	GinkgoHelper()
	return s.PhoneOf("udp", User, Password)
}

// PhoneOf is a phone of somebody on udp or tcp.
func (s *Site) PhoneOf(network, user, password string) *Phone {
	GinkgoHelper()
	return NewPhone(network, s.FrontEnd.SIP(network), user, Domain, password)
}

// Stored is the hash that other programs read at an address of record, empty when there is none.
func (s *Site) Stored(aor string) map[string]string {
	GinkgoHelper()
	fields, err := s.Store.HGetAll(context.Background(), aor).Result()
	Expect(err).NotTo(HaveOccurred(), "read %s", aor)
	return fields
}

// Lifetime is how many seconds a key has left, 0 when there is no such key.
func (s *Site) Lifetime(key string) int {
	GinkgoHelper()
	left, err := s.Store.TTL(context.Background(), key).Result()
	Expect(err).NotTo(HaveOccurred(), "TTL %s", key)
	return max(0, int(left/time.Second))
}

// Text is the string at a key, "" when there is none.
func (s *Site) Text(key string) string {
	GinkgoHelper()
	text, err := s.Store.Get(context.Background(), key).Result()
	if !errors.Is(err, redis.Nil) {
		Expect(err).NotTo(HaveOccurred(), "GET %s", key)
	}
	return text
}

// Keys are all keys in Redis that tell of registrations: all but those of nonces.
func (s *Site) Keys() []string {
	GinkgoHelper()
	keys, err := s.Store.Keys(context.Background(), "*").Result()
	Expect(err).NotTo(HaveOccurred(), "KEYS")
	return slices.DeleteFunc(keys, func(key string) bool {
		return strings.HasSuffix(key, "sbc-registrar:nonce-keys") || strings.HasSuffix(key, "}:nonces")
	})
}
