package authhook

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// benchServer in the environment makes the test binary a callback in a process of its own, so that what a benchmark counts
// as CPU time is the client's alone.
const benchServer = "AUTHHOOK_BENCH_SERVER"

// BenchmarkAuthorize asks over kept connections, so many questions at a time. cpu-µs/op is the CPU time of this process, kernel
// included, for one question.
func BenchmarkAuthorize(b *testing.B) {
	uri := startBenchServer(b)
	for _, body := range []Body{Seed, Jambonz} {
		for _, concurrent := range []int{1, 64, 512} {
			b.Run(fmt.Sprintf("%s/%d", body, concurrent), func(b *testing.B) {
				o := Options{URI: uri, Body: body}
				if body == Jambonz {
					o.SignatureSecret, o.Username, o.Password = "s3cret", "foo", "bar"
				}
				client := newClient(b, o)
				b.ReportAllocs()
				b.SetParallelism(max(1, concurrent/runtime.GOMAXPROCS(0)))
				if concurrent == 1 {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
				}
				before := cpuTime(b)
				b.RunParallel(func(pb *testing.PB) {
					r := question()
					for pb.Next() {
						if verdict, err := client.Authorize(b.Context(), r, time.Hour); err != nil || !verdict.OK {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/1e3, "cpu-µs/op")
			})
		}
	}
}

func BenchmarkParseAnswer(b *testing.B) {
	for name, body := range map[string]string{
		"short": granting,
		"long":  `{"status":"ok","expires":3600,"call_hook":"https://example.com/call","allow_direct_app_calling":true}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parseAnswer([]byte(body)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// cpuTime is what this process has used so far, user and system, in nanoseconds.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// startBenchServer starts this binary as a callback and returns its URI.
func startBenchServer(b *testing.B) string {
	b.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), benchServer+"=1")
	stdin, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = stdin.Close(); _ = command.Wait() })
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(address) + "/auth"
}

// serveBench answers ok to everybody, as cheaply as can be, until its input ends.
func serveBench() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, listener.Addr())
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerBench(conn)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func answerBench(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 15\r\n\r\n" + granting
	in, length := bufio.NewReader(conn), 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if value, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
		if len(line) > 2 {
			continue
		}
		if _, err := in.Discard(length); err != nil {
			return
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}
