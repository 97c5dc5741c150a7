package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/orgsync/orgsync/devkit/stack"
)

// What the kernel knows of processes is read from Linux' /proc; elsewhere these
// figures stay 0.

// ticks is USER_HZ, which is 100 on every architecture that Go supports.
const ticks = 100

func (s *measured) workers() (list []int) {
	for _, child := range s.Children() {
		if strings.HasPrefix(child.Name, "worker") {
			list = append(list, child.Pid())
		}
	}
	return list
}

// cpu is the processor time that each program has used. A Postgres session counts
// while it lives and, through its parent, afterwards.
func (s *measured) cpu() map[string]float64 {
	used := map[string]float64{}
	for _, child := range s.Children() {
		name := program(child)
		used[name] += cpuOf(child.Pid(), true)
		for _, pid := range childrenOf(child.Pid()) {
			used[name] += cpuOf(pid, false)
		}
	}
	return used
}

func program(child *stack.Child) string {
	name, _, _ := strings.Cut(child.Name, "-")
	return name
}

// cpuOf reads a process's user and system time, with that of its ended children if asked.
func cpuOf(pid int, ended bool) float64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	// The second field, the name in parentheses, may hold spaces.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	last := 13
	if ended {
		last = 15
	}
	sum := 0
	for _, field := range fields[11:last] {
		n, _ := strconv.Atoi(field)
		sum += n
	}
	return float64(sum) / ticks
}

func childrenOf(parent int) (list []int) {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			list = append(list, pid)
		}
	}
	return list
}

// resetPeak lets the kernel's record of the largest resident size begin anew.
func resetPeak(pid int) {
	_ = os.WriteFile(filepath.Join("/proc", strconv.Itoa(pid), "clear_refs"), []byte("5"), 0)
}

// peakMB is the largest resident size since resetPeak.
func peakMB(pid int) float64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}
