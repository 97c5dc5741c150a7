package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// CanAsk reports whether a person can be asked: they read what is printed and
// type the answer. A program that wants JSON is nobody.
func (s *Session) CanAsk() bool {
	in, ok := s.Stdin.(*os.File)
	if !ok || s.JSON || !term.IsTerminal(int(in.Fd())) {
		return false
	}
	return s.Screen().Terminal
}

// Ask puts a question and returns the line that is typed, without blanks around it. An
// interruption ends it: reading alone would not notice.
func (s *Session) Ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(s.Stdout, question+" ")
	typed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(s.Stdin).ReadString('\n') // at the end of input nothing is typed
		typed <- strings.TrimSpace(line)
	}()
	select {
	case answer := <-typed:
		return answer, nil
	case <-ctx.Done():
		fmt.Fprintln(s.Stdout)
		return "", ctx.Err()
	}
}
