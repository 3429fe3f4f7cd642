package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

// Each wave has an AOR once, changes first.
func TestWaves(t *testing.T) {
	g := NewWithT(t)
	aors := benchmarkAORs(3)
	query := func(i int) registration.Operation { return &registration.Query{AOR: aors[i]} }
	change := func(i int) registration.Operation { return &registration.Change{AOR: aors[i]} }
	var jobs []*job
	for _, operation := range []registration.Operation{query(0), change(1), query(2), change(0), query(0), change(2)} {
		jobs = append(jobs, &job{operation: operation})
	}
	g.Expect(waves(jobs)).To(Equal([][]*job{{jobs[1], jobs[0], jobs[2]}, {jobs[3], jobs[5]}, {jobs[4]}}))
	g.Expect(waves(nil)).To(HaveLen(1))
}

// What a reply means for an earlier run of which nobody heard: it may still take effect, or it cannot.
func TestRepliesThatSettleADoubt(t *testing.T) {
	for status, settled := range map[registration.Status]bool{
		registration.StatusOK: true, registration.StatusDup: true, registration.StatusStale: true, registration.StatusReplay: true, registration.StatusLate: true,
		registration.StatusFull: false, // it may find room yet
	} {
		var result registration.Result
		j := job{operation: &registration.Change{}, result: &result}
		j.call = call{script: saveScript, open: true, answer: answer{status: status, version: 1, document: `{"v":1}`}}
		j.conclude()
		if result.Known() != settled {
			t.Errorf("%s: %+v", status, result)
		}
	}
	var result registration.Result
	refused := job{operation: &registration.Change{}, result: &result, call: call{script: saveScript, open: true, err: errors.New("LOADING")}}
	if refused.conclude(); result.Known() {
		t.Errorf("%+v", result)
	}
}

func TestTroubles(t *testing.T) {
	answer := func(text string) error { return redisError(text) }
	for _, test := range []struct {
		err  error
		want repeat
	}{
		{io.EOF, lost},
		{io.ErrUnexpectedEOF, lost},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, lost},
		{&net.OpError{Op: "write", Err: syscall.EPIPE}, lost},
		{context.DeadlineExceeded, lost},
		{errors.New("anything"), lost},
		{fmt.Errorf("%w: %w", errUnsent, io.EOF), unsent},
		{redis.ErrPoolTimeout, unsent},
		{redis.ErrClosed, unsent},
		{answer("NOSCRIPT No matching script. Please use EVAL."), noScript},
		{answer("LOADING Redis is loading the dataset in memory"), refused},
		{answer("READONLY You can't write against a read only replica."), refused},
		{answer("ERR Error running script (call to f_93b): @user_script:93: @user_script: 93: -READONLY You can't write against a read only replica."), refused},
		{answer("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."), refused},
		{answer("CLUSTERDOWN Hash slot not served"), refused},
		{answer("TRYAGAIN Multiple keys request during rehashing of slot"), refused},
		{answer("BUSY Redis is busy running a script."), refused},
		{answer("ERR max number of clients reached"), refused},
		{answer("OOM command not allowed when used memory > 'maxmemory'."), never},
		{answer("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk."), never},
		{answer("NOREPLICAS Not enough good replicas to write."), never},
		{answer("WRONGTYPE Operation against a key holding the wrong kind of value"), never},
		{answer("NOPERM this user has no permissions to run the 'evalsha' command"), never},
		{redis.Nil, never},
	} {
		if got := classify(test.err); got != test.want {
			t.Errorf("%v: %d, want %d", test.err, got, test.want)
		}
	}
}

type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}

// An answer that no script of ours gives is no success.
func TestAnswers(t *testing.T) {
	got, err := parseAnswer("STALE 1700000000123456 1700000000124 {\"v\":1} and more")
	want := answer{status: registration.StatusStale, now: time.UnixMicro(1700000000123456), version: 1700000000124, document: `{"v":1} and more`}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, reply := range []any{
		nil, int64(1), "", "OK", "OK 1", "OK 1 2", "ok 1 2 ", "OK x 2 ", "OK 1 x ", "UNKNOWN 1 2 ", "FAILED 1 2 ", []any{"OK", int64(1), int64(2), ""},
	} {
		if got, err := parseAnswer(reply); !errors.Is(err, errAnswer) {
			t.Errorf("%v: %+v, %v", reply, got, err)
		}
	}
}
