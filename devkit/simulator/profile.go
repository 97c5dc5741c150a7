package simulator

import "fmt"

// What is not stored of a person follows from their number, so that a million
// people stay small in memory.

var titles = [...]string{
	"Engineer", "工程师", "Senior Engineer", "产品经理", "Sales Manager", "销售", "会计", "Designer",
	"人事专员", "Analyst", "Директор", "エンジニア", "Intern", "",
}

// email is empty for one in twenty, in capitals for some.
func (c *Company) email(p PersonID) string {
	switch h := c.mix(saltEmail, int(p), 0); {
	case h%20 == 0:
		return ""
	case h%20 == 1:
		return fmt.Sprintf("P%d.Person@Example.COM", p)
	default:
		return fmt.Sprintf("p%d@example.com", p)
	}
}

// phone is empty for one in thirty, German for one in thirty, else Chinese.
func (c *Company) phone(p PersonID) string {
	switch h := c.mix(saltPhone, int(p), 0); {
	case h%30 == 0:
		return ""
	case h%30 == 1:
		return fmt.Sprintf("+49151%08d", p)
	default:
		return fmt.Sprintf("+8613%09d", p)
	}
}

func (c *Company) title(p PersonID) string {
	return titles[c.mix(saltTitle, int(p), 0)%uint64(len(titles))]
}

// employeeNo is empty for one in fifteen, and the same for some.
func (c *Company) employeeNo(p PersonID) string {
	switch h := c.mix(saltEmployeeNo, int(p), 0); {
	case h%15 == 0:
		return ""
	case h%15 == 1:
		return "00017"
	default:
		return fmt.Sprintf("E%05d", p)
	}
}

// joined lies between 2015 and 2025, at any hour: the day is another one in other time
// zones. It is not on record of one in fourteen.
func (c *Company) joined(p PersonID) int64 {
	const firstOf2015, days = 1420070400, 3652
	if c.mix(saltJoined, int(p), 2)%14 == 0 {
		return 0
	}
	return firstOf2015 + int64(c.mix(saltJoined, int(p), 0)%days)*86400 + int64(c.mix(saltJoined, int(p), 1)%24)*3600
}
