package clients

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLooks(t *testing.T) {
	t.Parallel()
	began := time.Now()
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	for name, c := range map[string]struct {
		notes func(*looks)
		want  map[int]bool
	}{
		"never asked":            {func(*looks) {}, map[int]bool{0: false}},
		"found free":             {func(l *looks) { l.found("a", at(0)) }, map[int]bool{0: true, 999: true, 1000: false}},
		"another place":          {func(l *looks) { l.found("b", at(0)) }, map[int]bool{0: false}},
		"paused since":           {func(l *looks) { l.found("a", at(0)); l.paused("a", at(100)) }, map[int]bool{100: false, 200: false}},
		"another place's pause":  {func(l *looks) { l.found("a", at(0)); l.paused("b", at(100)) }, map[int]bool{200: true}},
		"asked before the pause": {func(l *looks) { l.paused("a", at(100)); l.found("a", at(50)) }, map[int]bool{100: false, 200: false}},
		"asked after the pause":  {func(l *looks) { l.paused("a", at(100)); l.found("a", at(150)) }, map[int]bool{200: true, 1150: false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l looks
			c.notes(&l)
			for ms, want := range c.want {
				require.Equal(t, want, l.free("a", at(ms)), "after %d ms", ms)
			}
		})
	}
}
