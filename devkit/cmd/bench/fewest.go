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
}

// The vendors' documented listings.
var listings = map[string]listing{
	// feishu.md §2.2, §3.2: pages of 50, the whole tree in pages.
	"feishu": {page: 50, departments: func(below int) int { return max(1, pages(below, 50)) }},
	// dingtalk.md §2, §3: the children of one department a call.
	"dingtalk": {page: 100, departments: func(below int) int { return below + 1 }},
	// wecom.md §2: the whole tree in one call.
	"wecom": {departments: func(int) int { return 1 }},
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
