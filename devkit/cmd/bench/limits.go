package main

import (
	"context"
	"errors"
	"fmt"
)

// perSecond has the documented rate of a vendor's listings, each endpoint by itself:
// feishu.md §5.1, dingtalk.md §6, wecom.md §5.1.
var perSecond = map[string]float64{"feishu": 1000.0 / 60, "dingtalk": 20, "wecom": 10_000.0 / 60}

// limitedSizes are the companies that are read within the documented call limits: one
// where the run's own time counts, and one where the limit does.
var limitedSizes = []struct {
	members, departments int
	rounds               []string
}{
	{200, 16, []string{firstLoad, unchanged}},
	{5000, 1000, []string{firstLoad}},
}

// limited is a run within the provider's documented call limits.
type limited struct {
	Vendor string `json:"vendor"`
	round
	// Busiest is the endpoint that was called most often.
	Busiest string `json:"busiest_endpoint"`
	// AtRate is how many seconds its calls take at its documented rate.
	AtRate float64 `json:"seconds_at_rate"`
}

// times is how often the run took what the busiest endpoint's calls take.
func (l limited) times() float64 { return l.Seconds / l.AtRate }

// limits reads companies of all vendors with their limits on.
func (b bench) limits(ctx context.Context, report *report) error {
	for _, vendor := range []string{"feishu", "dingtalk", "wecom"} {
		for _, size := range limitedSizes {
			c := company{vendor: vendor, members: size.members, departments: size.departments, limited: true}
			if err := b.limit(ctx, c, size.rounds, report); err != nil {
				return fmt.Errorf("%s, %d members: %w", vendor, size.members, err)
			}
		}
	}
	return nil
}

func (b bench) limit(ctx context.Context, c company, rounds []string, report *report) (err error) {
	s, err := b.start(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	for _, name := range rounds {
		fmt.Fprintf(b.progress, "bench: %s, %d members, within the call limits: %s\n", c.vendor, c.members, name)
		r, err := s.round(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		report.Limited = append(report.Limited, limitedOf(r, c.vendor))
	}
	return nil
}

func limitedOf(r round, vendor string) limited {
	l := limited{Vendor: vendor, round: r}
	for endpoint, n := range r.Calls.By {
		if n > r.Calls.By[l.Busiest] {
			l.Busiest = endpoint
		}
	}
	l.AtRate = float64(r.Calls.By[l.Busiest]) / perSecond[vendor]
	return l
}
