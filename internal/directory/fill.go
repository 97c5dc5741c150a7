package directory

// Fill takes from facts what the profile lacks: fields that were not sent, and a name that is
// a placeholder, which is empty or the member's external id.
func (p *Profile) Fill(externalID string, facts Profile) {
	if p.Name == nil || *p.Name == "" || *p.Name == externalID {
		p.Name = or(facts.Name, p.Name)
	}
	p.Email, p.Phone = or(p.Email, facts.Email), or(p.Phone, facts.Phone)
	p.AvatarURL = or(p.AvatarURL, facts.AvatarURL)
	for name, value := range facts.Attributes {
		if _, sent := p.Attributes[name]; sent {
			continue
		}
		if p.Attributes == nil {
			p.Attributes = Attributes{}
		}
		p.Attributes[name] = value
	}
}

// Without returns the facts that a profile lacks.
func (p Profile) Without(profile Profile) Profile {
	left := Profile{}
	if profile.Name == nil {
		left.Name = p.Name
	}
	if profile.Email == nil {
		left.Email = p.Email
	}
	if profile.Phone == nil {
		left.Phone = p.Phone
	}
	if profile.AvatarURL == nil {
		left.AvatarURL = p.AvatarURL
	}
	for name, value := range p.Attributes {
		if _, sent := profile.Attributes[name]; !sent {
			if left.Attributes == nil {
				left.Attributes = Attributes{}
			}
			left.Attributes[name] = value
		}
	}
	return left
}

// or is the first of two texts that was sent.
func or(first, second *string) *string {
	if first != nil {
		return first
	}
	return second
}
