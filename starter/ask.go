package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// asks reports whether somebody is there who can be asked: they read what is printed and
// type the answer. A program that wants JSON is nobody.
func (s *session) asks() bool {
	in, ok := s.stdin.(*os.File)
	if !ok || s.json || !term.IsTerminal(int(in.Fd())) {
		return false
	}
	return behind(s.stdout).terminal
}

// ask puts a question and returns the line that is typed, without blanks around it. An
// interruption ends it: reading alone would not notice.
func (s *session) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(s.stdout, question+" ")
	typed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(s.stdin).ReadString('\n') // at the end of input nothing is typed
		typed <- strings.TrimSpace(line)
	}()
	select {
	case answer := <-typed:
		return answer, nil
	case <-ctx.Done():
		fmt.Fprintln(s.stdout)
		return "", ctx.Err()
	}
}
