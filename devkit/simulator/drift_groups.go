package simulator

import (
	"fmt"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
)

func (d *drift) group() GroupID {
	if len(d.groups) == 0 {
		return 0
	}
	return d.groups[d.rng.IntN(len(d.groups))]
}

// looksAt returns a group as it is now.
func (d *drift) looksAt(g GroupID) (now Group) {
	d.c.View(func(v *View) { now, _ = v.Group(g) })
	now.Members = slices.Clone(now.Members)
	return now
}

func (d *drift) groupSteps() []step {
	return []step{
		{30, "group_joined", func() error { return d.c.JoinGroup(d.group(), d.person()) }},
		{20, "group_left", d.leaveGroup},
		{10, "group_renamed", func() error { return d.c.RenameGroup(d.group(), d.newName("组")) }},
		{10, "group_added", d.addGroup},
		{8, "group_deleted", func() error { return d.c.DeleteGroup(d.group()) }},
		{8, "group_departments_changed", func() error { return d.c.SetGroupDepartments(d.group(), d.department()) }},
		{4, "group_departments_cleared", func() error { return d.c.SetGroupDepartments(d.group()) }},
		{10, "scope_changed", d.changeScope},
		{6, "administrator_appointed", func() error { return d.c.Appoint(d.person(), directory.SubAdministrator) }},
		{4, "administrator_dismissed", d.dismissAdministrator},
	}
}

func (d *drift) addGroup() error {
	g, err := d.c.AddGroup(d.newName("Team"), categories[d.rng.IntN(len(categories))])
	if err != nil {
		return err
	}
	d.groups = append(d.groups, g)
	_ = d.c.JoinGroup(g, d.person()) // it stays empty where the person has left
	return nil
}

func (d *drift) groupMember() (GroupID, PersonID, error) {
	g := d.group()
	members := d.looksAt(g).Members
	if len(members) == 0 {
		return 0, 0, fmt.Errorf("group %d has no members: %w", g, ErrRefused)
	}
	return g, members[d.rng.IntN(len(members))], nil
}

func (d *drift) leaveGroup() error {
	g, p, err := d.groupMember()
	if err != nil {
		return err
	}
	return d.c.LeaveGroup(g, p)
}

func (d *drift) changeScope() error {
	g, p, err := d.groupMember()
	if err != nil {
		return err
	}
	if d.rng.IntN(3) == 0 {
		return d.c.SetScope(g, p)
	}
	return d.c.SetScope(g, p, d.department())
}

// dismissAdministrator spares main administrators, whom no company is without.
func (d *drift) dismissAdministrator() error {
	var subs []PersonID
	d.c.View(func(v *View) { subs = v.Administrators(directory.SubAdministrator) })
	if len(subs) == 0 {
		return fmt.Errorf("dismiss an administrator: there is none: %w", ErrRefused)
	}
	return d.c.Appoint(subs[d.rng.IntN(len(subs))], "")
}
