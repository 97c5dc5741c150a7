package health

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

const readyTimeout = 4 * time.Second

// Ask asks what listens at an address on this machine whether it is ready for work. It is for
// container engines: an image without a shell has nothing else to ask with. setting is what
// the address comes from, program what is asked, such as "the worker".
func Ask(ctx context.Context, program, setting, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf(
			"%s is not set, so %s cannot be asked; set it to an address such as :9464, here and for %[2]s",
			setting, program)
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz",
		nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", program, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", program, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not ready: %s", program, answer.Status)
	}
	return nil
}
