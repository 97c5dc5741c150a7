package wecom

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// Subscribe saves the callback address, which is checked as the console does: for the service
// provider's own company (wecom-more.md §A1).
func (p *Platform) Subscribe(address string, how simulator.Delivery) error {
	c := Callback{URL: address, Token: p.suite.Token, AESKey: p.suite.AESKey}
	if err := c.check(p.suite.ProviderCorp); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.url = address
	p.pusher = simulator.NewPusher(answerWithin, pauses, how)
	p.auth = simulator.NewPusher(time.Second, pauses, how)
	return nil
}

// Wait returns once no message is under way, and how many were not acknowledged.
func (p *Platform) Wait() (lost int64) {
	p.mu.Lock()
	pusher, auth := p.pusher, p.auth
	p.mu.Unlock()
	if pusher == nil {
		return 0
	}
	pusher.Wait()
	auth.Wait()
	return pusher.Lost.Load() + auth.Lost.Load()
}

// push sends a message to the suite: the answer must be the bare word (wecom-more.md §A2).
func (p *Platform) push(infoType, fields string) {
	p.mu.Lock()
	c := Callback{URL: p.url, Token: p.suite.Token, AESKey: p.suite.AESKey}
	pusher := p.pusher
	if strings.HasSuffix(infoType, "_auth") || infoType == "reset_permanent_code" {
		pusher = p.auth
	}
	p.mu.Unlock()
	if pusher == nil {
		return
	}
	message := "<xml>" + element("SuiteId", p.suite.ID) +
		"<InfoType> <![CDATA[" + infoType + "]]></InfoType><TimeStamp>" + // with a blank (wecom-more.md §A2)
		strconv.FormatInt(p.Now().Unix(), 10) + "</TimeStamp>" + fields + "</xml>"
	pusher.Push(func() (*http.Request, error) { return c.request(message, p.suite.ID) },
		func(status int, body []byte) bool { return status == http.StatusOK && string(body) == "success" })
}

// PushTicket makes a new ticket and pushes it. One that is lost was made all the same.
func (p *Platform) PushTicket(lost bool) {
	p.mu.Lock()
	ticket := p.next("ticket")
	p.tickets[ticket] = p.Now().Add(suiteTicketLife)
	p.mu.Unlock()
	if !lost {
		p.push("suite_ticket", element("SuiteTicket", ticket))
	}
}

// PushTickets pushes a ticket at once and then again and again until ctx is done.
func (p *Platform) PushTickets(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		p.PushTicket(false)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
