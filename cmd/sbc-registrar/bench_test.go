package main

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sbc-registrar/load"
)

func TestSharesOfTransports(t *testing.T) {
	shares, err := readShares([]string{"udp=70", "tcp=20", "wss"})
	if want := []load.Share{{Transport: "udp", Weight: 70}, {Transport: "tcp", Weight: 20}, {Transport: "wss", Weight: 1}}; err != nil || !slices.Equal(shares, want) {
		t.Errorf("%v, %v; want %v", shares, err, want)
	}
	if _, err := readShares([]string{"udp=many"}); err == nil || !strings.Contains(err.Error(), "--transports") {
		t.Errorf("no weight is read: %v", err)
	}
}

func TestRealmsAreAListOrANumber(t *testing.T) {
	for _, test := range []struct {
		realms []string
		last   string
	}{
		{[]string{"3"}, "realm2.example"},
		{[]string{"a.example", "b.example", "c.example"}, "c.example"},
	} {
		p := populationFlags{users: 3, name: "u{n}", password: "p{n}", realms: test.realms}
		population, err := p.population()
		if err != nil || population.Realm(2) != test.last {
			t.Errorf("%v: %v, %v", test.realms, population, err)
		}
	}
	p := populationFlags{users: 3, name: "u{n}", password: "p{n}", realms: []string{"0"}}
	if _, err := p.population(); err == nil {
		t.Error("0 realms are accepted")
	}
}

func TestUsersAreTheSameInAnotherProcess(t *testing.T) {
	command := newBenchCallbackCommand()
	p := populationFlags{users: 77, name: "x{n}", password: "-{n},", realms: []string{"a.example", "b.example"}}
	if err := command.ParseFlags(p.arguments()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"users": "77", "user": "x{n}", "password": "-{n},", "realms": "[a.example,b.example]"} {
		if got := command.Flag(name).Value.String(); got != want {
			t.Errorf("--%s is %q, want %q", name, got, want)
		}
	}
}

func TestChildrenGetNoSettingsOfOurs(t *testing.T) {
	kept := withoutSettings([]string{"PATH=/bin", "SBC_REGISTRAR_REDIS_HOST=prod", "JAMBONES_REDIS_HOST=prod", "DRACHTIO_SECRET=x", "SBC_REGISTRAR_CONFIG=/etc/x", "HOME=/"})
	if want := []string{"PATH=/bin", "HOME=/"}; !slices.Equal(kept, want) {
		t.Errorf("%v, want %v", kept, want)
	}
}

func TestLastWordsAreBounded(t *testing.T) {
	var words tail
	for range 1000 {
		_, _ = words.Write([]byte("0123456789"))
	}
	if got := words.String(); len(got) != lastWords || !strings.HasSuffix(got, "789") {
		t.Errorf("%d bytes, %q", len(got), got)
	}
}

func TestFirstLineIsHandedOverOnce(t *testing.T) {
	f := newFirstLine()
	for _, part := range []string{"http://", "x/auth\nmore\n", "and more\n"} {
		if n, err := f.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if line := <-f.line; line != "http://x/auth" || len(f.line) != 0 {
		t.Errorf("%q", line)
	}
}

func TestProcessesAreNamed(t *testing.T) {
	if _, err := readProcesses([]string{"app"}); err == nil || !strings.Contains(err.Error(), "name=PID") {
		t.Errorf("%v", err)
	}
	if _, err := readProcesses([]string{"app=999999999"}); err == nil {
		t.Error("a process that there is not is accepted")
	}
	if got, err := readProcesses([]string{"me=" + strconv.Itoa(os.Getpid())}); err != nil || len(got) != 1 || got[0].Name != "me" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTheTableSaysWhatWentWrong(t *testing.T) {
	r := benchResult{Load: benchLoad{Mode: "inbound", Loop: "open", Rate: 500, Transports: []string{"udp", "tcp"}}}
	r.Report = load.Report{
		Seconds: 2, Users: 10, Servers: 1, Done: 100, PerSecond: 50, Mistakes: 7,
		Deeds: map[string]load.Deed{"register": {
			Done: 100, Failed: 7, PerSecond: 50, Latency: load.Latency{Count: 100, P50: 1.5, P999: 9.25}, Statuses: map[string]uint64{"200": 100, "503": 7},
		}},
		Faults:    map[string]uint64{load.Shed.String(): 7, load.Late.String(): 1},
		Processes: []load.ProcessUsage{{Name: "app", CPUSeconds: 1.5, CPUPer1000: 0.015, PeakBytes: 3 << 20}, {Name: "gone", Gone: true}},
		Shed:      3, Retries: 4,
	}
	var out bytes.Buffer
	writeBenchTable(&out, r)
	for _, words := range []string{
		"open loop, 500 per second", "10 users on udp,tcp", "register               100       7", "1.50", "9.25", "app                        1.50     0.0150     15.0", "gone                  not known",
		"7 requests shed with 503", "1 answers after the phone had given up", "Shed: 3", "Came again: 4", "200: 100, 503: 7", "More --users",
	} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("%q is not in\n%s", words, out.String())
		}
	}
	if got := mistakes(r.Report); got != "7 requests shed with 503" {
		t.Errorf("mistakes: %q", got)
	}
}
