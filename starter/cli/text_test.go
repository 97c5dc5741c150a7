package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567",
		-999: "-999", -1000: "-1,000"} {
		require.Equal(t, want, Grouped(n))
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		12345 * time.Microsecond: "12ms", 12345 * time.Millisecond: "12.3s", 83456 * time.Millisecond: "1m23s",
	} {
		require.Equal(t, want, Span(d))
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m", 90 * time.Minute: "1h",
		47 * time.Hour: "47h", 49 * time.Hour: "2d",
	} {
		require.Equal(t, want, About(d))
	}
}

func TestPlainTextCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	require.Equal(t, "[31mred 张三 é", Plain("\x1b[31mred\r\n\u202e 张三 é\x07"))
}
