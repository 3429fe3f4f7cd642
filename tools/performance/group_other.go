//go:build !linux

package main

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C from a program, which is told to end by us, once.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
