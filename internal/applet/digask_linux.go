package applet

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"dlx/internal/printable"
)

// answer is a response and how it was had.
type answer struct {
	msg              *dns.Msg
	server, protocol string
	took             time.Duration
}

// look asks for a name and prints the answer. +search asks for those that resolv.conf makes of it.
func (q *question) look(servers []string, conf *dns.ClientConfig, commandLine string) error {
	names := []string{dns.Fqdn(q.name)}
	if q.domain != "" {
		conf = &dns.ClientConfig{Search: []string{q.domain}, Ndots: 1}
	}
	if q.ndotsGiven {
		c := *conf
		c.Ndots = q.ndots
		conf = &c
	}
	if q.on["search"] || q.on["defname"] {
		names = conf.NameList(q.name)
	}
	if q.on["cmd"] && !q.on["short"] {
		fmt.Printf("\n; <<>> DiG (dlx) <<>> %s\n;; global options: +cmd\n", printable.Escape(commandLine))
	}
	for i, name := range names {
		a, err := q.ask(servers, name)
		if err != nil {
			return err
		}
		if i < len(names)-1 && a.msg.Rcode == dns.RcodeNameError {
			continue
		}
		q.print(a)
		break
	}
	return nil
}

// ask tries the servers in turn, as often as +tries says.
func (q *question) ask(servers []string, name string) (*answer, error) {
	m, err := q.message(name)
	if err != nil {
		return nil, err
	}
	for range q.tries {
		for _, server := range servers {
			address, err := q.addressOf(server)
			if err != nil {
				return nil, fail(10, "couldn't get address for '%s': %w", printable.Escape(server), err)
			}
			a, err := q.exchange(m, address)
			if err == nil {
				return a, nil
			}
			if !q.on["short"] || q.on["comments"] {
				fmt.Printf(";; communications error to %s#%s: %s\n", address, q.port, reason(err))
			}
		}
	}
	fmt.Println(";; no servers could be reached")
	return nil, &exitError{code: 9}
}

func reason(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "timed out"
	}
	return printable.Escape(innermost(err).Error())
}

func (q *question) message(name string) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, q.kind)
	m.Question[0].Qclass = q.class
	m.RecursionDesired = q.on["recurse"] && q.on["rdflag"]
	m.AuthenticatedData, m.CheckingDisabled, m.Authoritative = q.on["adflag"], q.on["cdflag"], q.on["aaflag"]
	if !q.on["edns"] {
		return m, nil
	}
	m.SetEdns0(uint16(q.size), q.on["dnssec"] || q.on["do"]) // at most 65535
	opt := m.IsEdns0()
	if q.on["nsid"] {
		opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	}
	if q.subnet != "" {
		p, err := netip.ParsePrefix(q.subnet)
		if err != nil {
			return nil, fail(1, "+subnet: %w", err)
		}
		family := uint16(2)
		if p.Addr().Is4() {
			family = 1
		}
		opt.Option = append(opt.Option, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()})
	}
	return m, nil
}

func (q *question) exchange(m *dns.Msg, address string) (*answer, error) {
	client := &dns.Client{Timeout: q.limit, Dialer: &net.Dialer{Timeout: q.limit}}
	a := &answer{server: address, protocol: "UDP"}
	switch {
	case q.on["tls"]:
		client.Net, a.protocol = "tcp-tls", "TLS"
		client.TLSConfig = &tls.Config{InsecureSkipVerify: true} // +tls of dig: opportunistic
		if q.port == "53" {
			q.port = "853"
		}
	case q.on["tcp"] || q.on["vc"]:
		client.Net, a.protocol = "tcp", "TCP"
	}
	if q.source != "" {
		if client.Net == "" {
			client.Dialer.LocalAddr = &net.UDPAddr{IP: net.ParseIP(q.source)}
		} else {
			client.Dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(q.source)}
		}
	}
	var err error
	to := net.JoinHostPort(address, q.port)
	a.msg, a.took, err = client.Exchange(m, to)
	if err == nil && a.msg.Truncated && a.protocol == "UDP" && !q.on["ignore"] {
		if q.on["comments"] && !q.on["short"] {
			fmt.Println(";; Truncated, retrying in TCP mode.")
		}
		client.Net, a.protocol = "tcp", "TCP"
		if client.Dialer.LocalAddr != nil {
			client.Dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(q.source)}
		}
		a.msg, a.took, err = client.Exchange(m, to)
	}
	return a, err
}

// tabbed pads with tabs up to a column, as dig does; what is too long gets one space.
func tabbed(s string, column int) string {
	if len(s) >= column {
		return s + " "
	}
	return s + strings.Repeat("\t", (column-len(s)+7)/8)
}
