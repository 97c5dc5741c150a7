package main

import (
	"context"
	"fmt"
)

// listing is how a vendor's directory is read with the fewest calls.
type listing struct {
	// page is how many people one call lists; 0: everybody in a department.
	page int
	// departments is the number of calls for a tree of so many departments below
	// the root, of which inner have others below them.
	departments func(below int) int
	// perSecond is the documented rate of each endpoint.
	perSecond float64
}

// The vendors' documented listings: page sizes and rates.
var listings = map[string]listing{
	// feishu.md §2.2, §3.2, §5.1: pages of 50, the whole tree in pages; 1000 calls a minute.
	"feishu": {page: 50, departments: func(below int) int { return max(1, pages(below, 50)) }, perSecond: 1000.0 / 60},
	// dingtalk.md §2, §3, §6: the children of one department a call; 20 calls a second.
	"dingtalk": {page: 100, departments: func(below int) int { return below + 1 }, perSecond: 20},
	// wecom.md §2, §5.1: the whole tree in one call; 10,000 calls a minute.
	"wecom": {departments: func(int) int { return 1 }, perSecond: 10_000.0 / 60},
}

func pages(n, size int) int { return (n + size - 1) / size }

// fewest is one call for a token, the tree, and each department's people: even an
// empty department must be asked.
func (s *measured) fewest(ctx context.Context) (int, error) {
	l := listings[s.Vendor]
	size := l.page
	if size == 0 {
		size = 1 << 30
	}
	var departments, people int
	err := s.Database.QueryRow(ctx, `
		SELECT count(*), coalesce(sum(greatest(1, (n + $1 - 1) / $1)), 0) FROM (
			SELECT count(md.member_id) AS n FROM org_departments d
			LEFT JOIN org_member_departments md ON md.department_id = d.id
			WHERE d.status = 'active' GROUP BY d.id) AS each_department`, int64(size)).Scan(&departments, &people)
	if err != nil {
		return 0, fmt.Errorf("count the fewest calls: %w", err)
	}
	return 1 + l.departments(departments-1) + people, nil
}

// limited is a first load within the provider's documented call limits.
type limited struct {
	Members     int     `json:"members"`
	Departments int     `json:"departments"`
	Seconds     float64 `json:"seconds"`
	Calls       calls   `json:"calls"`
	PerSecond   float64 `json:"documented_calls_per_second"`
	// AtRate is how long the calls take at the documented rates: those of one
	// endpoint one after the other, and the tree before the people.
	AtRate float64 `json:"seconds_at_rate"`
	// OfLimit is the time taken against that; Throttled is the share of calls refused.
	OfLimit   float64 `json:"times_of_limit"`
	Throttled float64 `json:"throttled_share"`
}

func limitedOf(r round, vendor string) *limited {
	l := &limited{Members: r.Members, Departments: r.Departments, Seconds: r.Seconds, Calls: r.Calls, PerSecond: listings[vendor].perSecond}
	l.AtRate = float64(r.Calls.Made) / l.PerSecond
	l.OfLimit = l.Seconds / l.AtRate
	l.Throttled = float64(r.Calls.Throttled) / float64(max(1, r.Calls.Made))
	return l
}
