package simulator

import (
	"math"
	"math/rand/v2"
)

// LeaveSome lets a share (0 to 1) of the people leave, drawn by the seed, and returns
// how many have left.
func (c *Company) LeaveSome(seed uint64, share float64) int {
	d := &drift{c: c}
	d.survey()
	rng := rand.New(rand.NewPCG(seed, 3))
	rng.Shuffle(len(d.people), func(i, j int) { d.people[i], d.people[j] = d.people[j], d.people[i] })
	left := 0
	for _, p := range d.people[:int(math.Ceil(float64(len(d.people))*share))] {
		if c.Leave(p) == nil { // who has left since was not there to go
			left++
		}
	}
	return left
}
