package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

const (
	// startPatience is how long a service manager waits for us to be ready. Then it is told that we have started all the same:
	// what is missing is another server, which a restart of ours does not bring back.
	startPatience = 10 * time.Second
	// readyTick is how often we look whether we are ready while it waits, and statusTick how often afterwards.
	readyTick  = 200 * time.Millisecond
	statusTick = 2 * time.Second
	// probePatience bounds a look at what we need.
	probePatience = 2 * time.Second
)

// A serviceManager is told how the program is: systemd, or whoever set NOTIFY_SOCKET (sd_notify(3)). It is told READY once,
// STATUS whenever that changes, STOPPING, and WATCHDOG while the actors answer.
type serviceManager struct {
	program *program
	told    string // the last status
}

// tellServiceManager begins to tell the service manager of a program that has started, until ctx is done; the
// watchdog is fed until stop. Without a service manager it does nothing.
func tellServiceManager(ctx context.Context, p *program) (stop func()) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return func() {}
	}
	m := &serviceManager{program: p}
	status := inBackground(func(stopped context.Context) {
		m.watch(ctx, stopped)
		m.notify(daemon.SdNotifyStopping, "STATUS=Stopping: finishing what is in flight")
	})
	watchdog := inBackground(m.feed)
	return func() {
		status.stop()
		watchdog.stop()
	}
}

// watch says that we have started once we are ready or patience is over, and how things are, until the program stops.
func (m *serviceManager) watch(ctx, stopped context.Context) {
	begun, started := time.Now(), false
	tick := time.NewTicker(readyTick)
	defer tick.Stop()
	for ctx.Err() == nil && stopped.Err() == nil {
		ready, status := m.program.situation(ctx)
		var news []string
		if status != m.told {
			news, m.told = append(news, "STATUS="+status), status
		}
		if !started && (ready || time.Since(begun) > startPatience) {
			news, started = append(news, daemon.SdNotifyReady), true
			tick.Reset(statusTick)
		}
		if ctx.Err() == nil {
			m.notify(news...)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		case <-stopped.Done():
		}
	}
}

// situation tells in one line whether REGISTERs can be served, and what is missing.
func (p *program) situation(ctx context.Context) (ready bool, status string) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	registrar := p.registrar.Load()
	links, store := registrar.Ready(ctx), p.store.Ping(ctx)
	up, servers := registrar.Links()
	parts := []string{fmt.Sprintf("%d of %d drachtio servers connected", up, servers)}
	if servers == 0 {
		parts[0] = "listening for drachtio servers"
	}
	if store != nil {
		parts = append(parts, "Redis: "+printable(store.Error()))
	} else {
		parts = append(parts, "Redis answers")
	}
	word := "Ready: "
	if ready = links == nil && store == nil; !ready {
		word = "Not ready: "
	}
	return ready, word + strings.Join(parts, "; ")
}

// feed tells the watchdog that we live, as long as we do: a process whose actors are stuck is better restarted. They have half of
// its patience to answer, which no load can use up: every REGISTER is answered within a few seconds.
func (m *serviceManager) feed(stopped context.Context) {
	patience, err := daemon.SdWatchdogEnabled(false)
	if err != nil || patience == 0 {
		return
	}
	tick := time.NewTicker(patience / 4)
	defer tick.Stop()
	for {
		if err := m.program.registrar.Load().Alive(patience / 2); err == nil {
			m.notify(daemon.SdNotifyWatchdog)
		} else if !m.program.stopping.Load() {
			m.program.log.Error().Str("event", "program.stuck").Err(err).Msg("the watchdog is not fed: the service manager will restart this program")
		}
		select {
		case <-tick.C:
		case <-stopped.Done():
			return
		}
	}
}

// notify tells some lines at once. Should that fail, for want of a descriptor say, there is nobody to tell; the log may help.
func (m *serviceManager) notify(lines ...string) {
	if len(lines) == 0 {
		return
	}
	if _, err := daemon.SdNotify(false, strings.Join(lines, "\n")); err != nil {
		m.program.log.Debug().Str("event", "service.untold").Err(err).Msg("the service manager could not be told")
	}
}

// inheritedSocket is the socket that a service manager holds for us over restarts (systemd.socket(5)): drachtio servers that connect while
// nobody runs wait in its queue. It is nil when there is none.
func inheritedSocket() (net.Listener, error) {
	sockets, err := activation.Listeners()
	switch {
	case err != nil:
		return nil, fmt.Errorf("sockets of the service manager: %w", err)
	case len(sockets) == 0:
		return nil, nil
	case len(sockets) > 1 || sockets[0] == nil:
		return nil, fmt.Errorf("the service manager passes %d sockets, want one that listens on TCP", len(sockets))
	}
	return sockets[0], nil
}
