package load

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// A Process is a process whose CPU time and memory are reported. They are read from /proc: Linux only.
type Process struct {
	Name string
	PID  int
}

// A Usage is what a process has used so far.
type Usage struct {
	CPU      time.Duration // user and system, of all its threads
	Resident int64         // bytes of memory, now
	Peak     int64         // bytes of memory, at most since it started
}

// tickOf is the unit of CPU times in /proc: USER_HZ is 100 on every architecture that Go has.
const tickOf = time.Second / 100

var errProc = errors.New("cannot be read")

// ReadUsage reads what a process has used.
func ReadUsage(pid int) (u Usage, err error) {
	folder := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(folder + "/stat")
	if err != nil {
		return u, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	status, err := os.ReadFile(folder + "/status")
	if err != nil {
		return u, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	var ok [3]bool
	u.CPU, ok[0] = cpuTime(stat)
	u.Resident, ok[1] = memoryOf(status, "VmRSS:")
	u.Peak, ok[2] = memoryOf(status, "VmHWM:")
	if ok != [3]bool{true, true, true} {
		return u, fmt.Errorf("usage of process %d: /proc %w", pid, errProc)
	}
	return u, nil
}

// cpuTime reads the 14th and 15th field of /proc/PID/stat, utime and stime. The second, the name of the program, is in
// parentheses and can hold anything.
func cpuTime(stat []byte) (time.Duration, bool) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, false
	}
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, a := strconv.ParseUint(string(fields[11]), 10, 38)
	system, b := strconv.ParseUint(string(fields[12]), 10, 38)
	return time.Duration(user+system) * tickOf, a == nil && b == nil
}

// memoryOf reads a line of /proc/PID/status such as "VmRSS:  1234 kB".
func memoryOf(status []byte, name string) (int64, bool) {
	for line := range bytes.Lines(status) {
		if value, found := bytes.CutPrefix(line, []byte(name)); found {
			fields := bytes.Fields(value)
			if len(fields) != 2 || string(fields[1]) != "kB" {
				return 0, false
			}
			kB, err := strconv.ParseInt(string(fields[0]), 10, 48)
			return kB << 10, err == nil && kB >= 0
		}
	}
	return 0, false
}

// A watch follows the processes through the window.
type watch struct {
	processes []Process
	began     []Usage
	ended     []Usage
	high      []int64 // the largest resident memory seen in the window
	gone      []bool  // it could not be read
	next      int64   // when memory is looked at again
}

// watched are the processes of the options and our own, the last.
func newWatch(processes []Process) *watch {
	all := append(append([]Process(nil), processes...), Process{"bench", os.Getpid()})
	n := len(all)
	return &watch{processes: all, began: make([]Usage, n), ended: make([]Usage, n), high: make([]int64, n), gone: make([]bool, n)}
}

func (w *watch) begin() { w.read(w.began) }
func (w *watch) end()   { w.read(w.ended) }

func (w *watch) read(into []Usage) {
	for i, p := range w.processes {
		u, err := ReadUsage(p.PID)
		w.gone[i] = w.gone[i] || err != nil
		into[i] = u
		w.high[i] = max(w.high[i], u.Resident)
	}
}

// look samples memory, not more often than four times a second.
func (w *watch) look(now int64) {
	if now < w.next {
		return
	}
	w.next = now + int64(250*time.Millisecond)
	w.read(w.ended)
}
