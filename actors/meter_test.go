package actors

import (
	"context"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/registration"
)

// A notebook is a Meter that writes down what it hears.
type notebook struct {
	Deaf
	mu    sync.Mutex
	lines []string
}

func (n *notebook) note(format string, values ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, values...))
}

func (n *notebook) Answered(o registration.Outcome, protocol string, _ time.Duration) {
	n.note("answered %d %s %s %s", o.Status, o.Deed, o.Basis, protocol)
}

func (n *notebook) Stored(operation, result string, _ time.Duration) {
	n.note("stored %s %s", operation, result)
}

func (n *notebook) Batched(size int) { n.note("batched %d", size) }

func (n *notebook) expect(t *testing.T, lines ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range lines {
		if !slices.Contains(n.lines, line) {
			t.Errorf("the meter did not hear %q, but %q", line, n.lines)
		}
	}
}

func TestAMeterHearsOfStoreOperationsAndWhatAnswersRestOn(t *testing.T) {
	heard := &notebook{}
	g := newRig(t, Config{Meter: heard})
	g.expect(g.send("daveh", 1), "200")
	heard.expect(t, "stored save ok", "batched 1", "answered 200 registered asked udp")
}

func TestAMeterHearsOfStoresThatFail(t *testing.T) {
	for status, want := range map[registration.Status]string{
		registration.StatusOK: StoreOK, registration.StatusDup: StoreDup, registration.StatusStale: StoreStale, registration.StatusReplay: StoreReplay,
		registration.StatusLate: StoreLate, registration.StatusFull: StoreFull, registration.StatusFailed: StoreError,
		registration.StatusUnknown: StoreError, registration.StatusUnconfirmed: StoreError,
	} {
		if got := storeResult(status); got != want || !slices.Contains(StoreResults(), got) {
			t.Errorf("%s counts as %s, want %s", status, got, want)
		}
	}
	heard := &notebook{}
	store := newMemory()
	store.before = func(registration.Change) error { panic("the store") }
	g := newRig(t, Config{Meter: heard, Bindings: store})
	g.expect(g.send("daveh", 1), "503")
	heard.expect(t, "stored save error", "answered 503 failed  udp")
}

func TestDomainsAreRememberedAndBounded(t *testing.T) {
	var d domains
	for i := range 2 * maxDomains {
		d.note(fmt.Sprintf("daveh@tenant%04d.example.com", i))
	}
	d.note("")
	if all := d.all(); len(all) != maxDomains || all[0] != "tenant0000.example.com" {
		t.Errorf("%d domains, the first is %s", len(all), all[0])
	}
	if n := testing.AllocsPerRun(100, func() { d.note("alice@tenant0007.example.com") }); n != 0 {
		t.Errorf("a known domain costs %v allocations", n)
	}
}

func TestASnapshotNamesTheDomainsOfTheRegistered(t *testing.T) {
	deny := authorizerFunc(func(_ context.Context, r *registration.Request, _ time.Duration) (registration.Verdict, error) {
		return registration.Verdict{OK: r.AOR.User() != "eve"}, nil
	})
	g := newRig(t, Config{Authorizer: deny})
	g.expect(g.send("eve", 1), "403")
	if domains := g.deps.domains.all(); len(domains) != 0 {
		t.Errorf("nobody has registered, but there is %v", domains)
	}
	g.expect(g.send("daveh", 1), "200")
	if domains := (&Registrar{deps: g.deps}).Snapshot().Domains; !slices.Equal(domains, []string{"example.com"}) {
		t.Errorf("domains are %v", domains)
	}
}

func TestEveryActorIsOfAKnownKind(t *testing.T) {
	for id, want := range map[string]string{
		"registrar/authorizer-$1": "authorizer", "registrar/keeper-$2": "keeper", "registrar/s0007-$3": "shard", "registrar/s0007-$3/$4": "aor",
		"registrar/connections-$5": "connections", "registrar/connections-$5/connection-$6": "connection", "registrar/connections-$5/session-$7": "session",
	} {
		if got := kindOf(&actor.PID{Id: id}); got != want || !slices.Contains(Kinds(), got) {
			t.Errorf("%s is of kind %s, want %s", id, got, want)
		}
	}
}

// Metrics say 0 for each invariant before it is ever violated: one that is not in the list would appear out of nothing, and an
// alert on its increase would not see it.
func TestInvariantsListsAllThatAMeterMayHear(t *testing.T) {
	texts, violated := constantsAndViolations(t)
	if len(violated) < 3 {
		t.Fatalf("only %v are ever violated: does this test still read the code right?", violated)
	}
	for _, name := range violated {
		if !slices.Contains(Invariants(), texts[name]) {
			t.Errorf("%s (%q) is not in Invariants", name, texts[name])
		}
	}
}

// constantsAndViolations are this package's text constants, and those that a Meter's Violated is called with.
func constantsAndViolations(t *testing.T) (texts map[string]string, violated []string) {
	t.Helper()
	texts = map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, value := range n.Values {
					if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
						texts[n.Names[i].Name] = constant.StringVal(constant.MakeFromLiteral(literal.Value, token.STRING, 0))
					}
				}
			case *ast.CallExpr:
				called, ok := n.Fun.(*ast.SelectorExpr)
				if !ok || called.Sel.Name != "Violated" {
					break
				}
				switch argument := n.Args[0].(type) {
				case *ast.Ident:
					violated = append(violated, argument.Name)
				case *ast.BasicLit:
					text, _ := strconv.Unquote(argument.Value)
					texts[argument.Value] = text
					violated = append(violated, argument.Value)
				}
			}
			return true
		})
	}
	return texts, violated
}
