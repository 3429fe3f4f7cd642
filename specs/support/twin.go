package support

import (
	"maps"
	"syscall"

	"sbc-registrar/edge"

	. "github.com/onsi/ginkgo/v2"
)

// Twin is a second site with the same Redis, callback and settings: another node, with a front end of its own. Its registrar
// is not started yet.
func (s *Site) Twin() *Site {
	GinkgoHelper()
	front := StartFrontEnd()
	twin := &Site{Redis: s.Redis, Store: s.Store, Callback: s.Callback, FrontEnd: front, Settings: copyOf(s.Settings)}
	twin.ConnectTo(front.Address(edge.Control))
	return twin
}

// Restart ends the registrar and starts it anew, with the settings as they are now.
func (s *Site) Restart() {
	GinkgoHelper()
	s.Registrar.Stop(syscall.SIGTERM)
	s.Start()
}

func copyOf(settings Settings) Settings {
	copied := maps.Clone(settings)
	for name, value := range copied {
		if section, ok := value.(Settings); ok {
			copied[name] = copyOf(section)
		}
	}
	return copied
}
