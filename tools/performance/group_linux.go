package main

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C from a program, which is told to end by us, once; and has it told if this one is killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
