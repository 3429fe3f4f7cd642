package authhook

import (
	"errors"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestTheBudgetIsOneForTen(t *testing.T) {
	b := newBudget(3)
	for range 100 { // it is full: nothing is saved beyond that
		b.earn()
	}
	spent := func() (n int) {
		for b.spend() {
			n++
		}
		return n
	}
	if n := spent(); n != 3 {
		t.Errorf("it began with %d", n)
	}
	for range 9 {
		b.earn()
	}
	if n := spent(); n != 0 {
		t.Errorf("9 answers bought %d", n)
	}
	b.earn()
	if n := spent(); n != 1 {
		t.Errorf("10 answers bought %d", n)
	}
}

// A callback that hangs up on every second question would be asked half as much again without a budget.
func TestRepetitionsStayWithinTheirBudget(t *testing.T) {
	const asks = 300
	questions := make(chan received, 2*asks)
	client := start(t, Options{Concurrency: 1}, staleServer(questions, hangUp("")))
	failed := 0
	for range asks {
		if verdict, err := ask(t, client); err != nil {
			var failure *Error
			if failed++; !errors.As(err, &failure) || failure.Kind != KindReset {
				t.Errorf("got %v", err)
			}
		} else if !verdict.OK {
			t.Error("refused")
		}
	}
	if again := len(questions) - asks; again > asks/answersPerRepetition+1 || again < asks/answersPerRepetition/2 || failed == 0 {
		t.Errorf("of %d questions %d were put again, %d failed", asks, again, failed)
	}
}

func TestNothingIsRepeatedWithoutTimeForIt(t *testing.T) {
	const timeout = 300 * time.Millisecond
	questions := make(chan received, 8)
	client := start(t, Options{Timeout: timeout}, staleServer(questions, func(w http.ResponseWriter) {
		<-time.After(timeout - timeout/repetitionPart/2)
		hangUp("")(w)
	}))
	if _, err := ask(t, client); err != nil {
		t.Fatal(err)
	}
	if verdict, err := ask(t, client); err == nil {
		t.Errorf("got %+v", verdict)
	}
	if len(questions) != 2 {
		t.Errorf("%d questions were put", len(questions))
	}
}

// deaf is a connection to a host that acknowledges nothing, as the kernel shows it in the end.
type deaf struct {
	net.Conn
	spoken chan struct{}
}

func (d *deaf) Write(b []byte) (int, error) {
	close(d.spoken)
	return len(b), nil
}

func (d *deaf) Read([]byte) (int, error) {
	<-d.spoken
	return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ETIMEDOUT)}
}

func TestAHostThatAcknowledgesNothingCostsNoQuestion(t *testing.T) {
	client := start(t, Options{}, says(granting))
	keepDeaf := func() {
		inner, _, err := client.pool.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		client.pool.keep(newConn(&deaf{Conn: inner, spoken: make(chan struct{})}, client.pool, time.Now().Add(time.Minute)))
	}
	keepDeaf()
	if verdict, err := ask(t, client); err != nil || !verdict.OK {
		t.Errorf("got %+v, %v", verdict, err)
	}
	for client.budget.spend() {
	}
	keepDeaf()
	if failure := failsWith(t, client, KindTimeout); !errors.Is(failure, syscall.ETIMEDOUT) {
		t.Errorf("got %v", failure)
	}
}
