package webhook

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// names is a name server whose answers a test changes.
type names struct {
	mu        sync.Mutex
	addresses []netip.Addr
	asked     atomic.Int32
}

// become has every name lead to these addresses from now on.
func (n *names) become(addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses = nil
	for _, a := range addresses {
		n.addresses = append(n.addresses, netip.MustParseAddr(a))
	}
}

// answer answers queries as they are sent over TCP.
func (n *names) answer(conn net.Conn) {
	defer conn.Close()
	for {
		var size uint16
		if binary.Read(conn, binary.BigEndian, &size) != nil {
			return
		}
		query := make([]byte, size)
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(query) != nil {
			return
		}
		m.Response = true
		n.mu.Lock()
		n.asked.Add(1)
		for _, a := range n.addresses {
			header := dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET}
			switch {
			case a.Is4() && m.Questions[0].Type == dnsmessage.TypeA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header,
					Body: &dnsmessage.AResource{A: a.As4()}})
			case a.Is6() && m.Questions[0].Type == dnsmessage.TypeAAAA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header,
					Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
			}
		}
		n.mu.Unlock()
		packed, err := m.Pack()
		if err != nil {
			return
		}
		size = uint16(len(packed))
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, size), packed...)); err != nil {
			return
		}
	}
}

// resolve has this process ask a name server of the test's own.
func resolve(t *testing.T) *names {
	t.Helper()
	n := &names{}
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go n.answer(theirs)
		return ours, nil
	}}
	return n
}

// A name that leads outside when the webhook is added and inside when a message is sent, or in both
// directions at once, leads nowhere: where a connection goes is looked at when it is made.
func TestANameThatChangesLeadsNowhere(t *testing.T) { //nolint:paralleltest // it replaces the resolver
	n := resolve(t)
	var reached atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inside.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(inside.URL, "http://"))
	require.NoError(t, err)
	for _, scheme := range []string{"http", "https"} {
		address := scheme + "://app.example.test:" + port + "/"
		n.become("8.8.8.8")
		problem := Guard{}.CheckURL(t.Context(), address)
		require.Equal(t, scheme == "http", problem != nil, "%v", problem)
		for _, now := range [][]string{{"127.0.0.1"}, {"::1"}, {"::ffff:127.0.0.1"}, {"127.0.0.1", "::1"}} {
			n.become(now...)
			before := n.asked.Load()
			_, err := NewSender(Guard{}).Send(t.Context(), Message{URL: address, ID: "1", Secret: NewSecret(),
				Body: []byte("{}")})
			var refused *Error
			require.True(t, errors.As(err, &refused), "%v", err)
			require.Equal(t, ReasonRefused, refused.Reason, refused.Problem)
			require.Greater(t, n.asked.Load(), before, "the name was looked up anew")
		}
	}
	require.Zero(t, reached.Load())

	// The same name, once its network is allowed.
	n.become("127.0.0.1")
	allowed := Guard{Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	status, err := NewSender(allowed).Send(t.Context(), Message{URL: "http://app.example.test:" + port, ID: "1",
		Secret: NewSecret(), Body: []byte("{}")})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.EqualValues(t, 1, reached.Load())
}

// Addresses behind which something of our own may answer, in all the ways in which they are written.
func TestAddressesThatAreNotPublic(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"10.0.0.1", "172.16.3.4", "192.168.1.1", "127.0.0.1", "169.254.169.254", "0.0.0.0",
		"100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
		"fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::",
		"2001:db8::1", "fec0::1"} {
		require.Error(t, Guard{}.check(netip.MustParseAddr(address), false), address)
	}
	for _, address := range []string{"8.8.8.8", "2606:4700::1111"} {
		require.NoError(t, Guard{}.check(netip.MustParseAddr(address), false), address)
		require.Error(t, Guard{}.check(netip.MustParseAddr(address), true), "%s in the clear", address)
	}
}
