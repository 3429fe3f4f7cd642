package main

import (
	"os/exec"
	"syscall"
)

// dieWithUs lets a process end with this one, however that ends, and keeps Ctrl-C from it: bench ends what it has started in
// order, the registrar first.
func dieWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
