package cli

import "github.com/orgsync/orgsync/internal/service"

// PrintMatches lists what a text may mean, if an error says that it means several things.
func (s *Session) PrintMatches(err error) {
	if s.JSON || !service.HasCode(err, service.ObjectAmbiguous) {
		return // the error's document holds them
	}
	found := service.Classify(err).Args.Matches
	t := NewTable("id", "what", "external id", "name", "status", "path").Drop("status", "what")
	for _, o := range found[:min(len(found), service.MaxMatches)] {
		t.AppendRow([]any{o.ID, o.Type, Plain(o.ExternalID), Plain(o.Name), o.Status, Plain(o.Path)})
	}
	s.PrintTable(t)
	if len(found) > service.MaxMatches {
		s.Printf("There are more matches; be more specific.")
	}
}
