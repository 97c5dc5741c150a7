package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// guardScript waits for a line on its input, which is the wish to be released. The end of input without a line means
// that the parent is gone, however it went: the kernel closes its pipes. A pipe is used instead of PR_SET_PDEATHSIG
// because it works on every Unix, does not depend on which thread started the child, and lets the guard delete files
// afterwards. It gives up on what cannot be killed: where nobody collects the dead, they seem to be running.
const guardScript = `trap '' HUP INT QUIT TERM
read -r released && exit 0
kill -"$1" "$2" 2>/dev/null
tries=0
while kill -0 "$2" 2>/dev/null && [ "$tries" -lt 120 ]; do
	tries=$((tries + 1))
	[ "$tries" -ne 100 ] || kill -KILL "$2"
	sleep 0.1
done
[ -z "$3" ] || rm -rf -- "$3"
`

type guard struct {
	cmd   *exec.Cmd
	input io.WriteCloser
}

func startGuard(pid int, orphan Orphan) (*guard, error) {
	cmd := exec.Command("/bin/sh", "-c", guardScript, "orgsync-guard",
		strconv.Itoa(int(orphan.Signal)), strconv.Itoa(pid), orphan.Remove)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if orphan.Lock != nil {
		cmd.ExtraFiles = []*os.File{orphan.Lock.file}
	}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start /bin/sh: %w", err)
	}
	return &guard{cmd: cmd, input: input}, nil
}

// release ends the guard. It cannot fail in a way that matters: a guard that is gone has nothing left to do.
func (g *guard) release() {
	_, _ = io.WriteString(g.input, "released\n")
	_ = g.input.Close()
	_ = g.cmd.Wait()
}
