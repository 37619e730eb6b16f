package applet

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"dlx/internal/printable"
)

func (q *question) print(a *answer) {
	if q.on["short"] {
		q.printShort(a)
		return
	}
	m := a.msg
	if q.on["comments"] {
		q.printHeader(m)
	}
	if q.on["question"] && len(m.Question) > 0 {
		if q.on["comments"] {
			fmt.Println(";; QUESTION SECTION:")
		}
		for _, x := range m.Question {
			fmt.Printf("%s%s\t%s\n", tabbed(";"+printable.Escape(x.Name), 32), className(x.Qclass), typeName(x.Qtype))
		}
		if q.on["comments"] {
			fmt.Println()
		}
	}
	q.printSection("answer", "ANSWER", m.Answer)
	q.printSection("authority", "AUTHORITY", m.Ns)
	q.printSection("additional", "ADDITIONAL", m.Extra)
	if q.on["stats"] {
		fmt.Printf(";; Query time: %d msec\n;; SERVER: %s#%s(%s) (%s)\n;; WHEN: %s\n;; MSG SIZE  rcvd: %d\n\n", a.took.Milliseconds(),
			a.server, q.port, a.server, a.protocol, time.Now().Format(time.UnixDate), m.Len())
	}
}

func (q *question) printShort(a *answer) {
	for _, rr := range a.msg.Answer {
		line := data(rr)
		if q.on["identify"] {
			line = fmt.Sprintf("%s from server %s in %d ms.", line, a.server, a.took.Milliseconds())
		}
		fmt.Println(line)
	}
}

func (q *question) printHeader(m *dns.Msg) {
	var set []string
	for _, f := range []struct {
		name string
		on   bool
	}{
		{"qr", m.Response}, {"aa", m.Authoritative}, {"tc", m.Truncated}, {"rd", m.RecursionDesired},
		{"ra", m.RecursionAvailable}, {"ad", m.AuthenticatedData}, {"cd", m.CheckingDisabled},
	} {
		if f.on {
			set = append(set, f.name)
		}
	}
	fmt.Printf(";; Got answer:\n;; ->>HEADER<<- opcode: %s, status: %s, id: %d\n", dns.OpcodeToString[m.Opcode], dns.RcodeToString[m.Rcode], m.Id)
	fmt.Printf(";; flags: %s; QUERY: %d, ANSWER: %d, AUTHORITY: %d, ADDITIONAL: %d\n", strings.Join(set, " "), len(m.Question), len(m.Answer), len(m.Ns), len(m.Extra))
	if m.RecursionDesired && !m.RecursionAvailable {
		fmt.Println(";; WARNING: recursion requested but not available")
	}
	fmt.Println()
	if opt := m.IsEdns0(); opt != nil {
		do := ""
		if opt.Do() {
			do = " do"
		}
		fmt.Printf(";; OPT PSEUDOSECTION:\n; EDNS: version: %d, flags:%s; udp: %d\n", opt.Version(), do, opt.UDPSize())
		for _, o := range opt.Option {
			fmt.Printf("; %s\n", printable.Escape(fmt.Sprintf("option %d: %s", o.Option(), o)))
		}
	}
}

func (q *question) printSection(part, title string, rrs []dns.RR) {
	if !q.on[part] {
		return
	}
	var lines []string
	for _, rr := range rrs {
		if rr.Header().Rrtype != dns.TypeOPT {
			lines = append(lines, q.record(rr))
		}
	}
	if lines == nil {
		return
	}
	if q.on["comments"] {
		fmt.Printf(";; %s SECTION:\n", title)
	}
	fmt.Println(strings.Join(lines, "\n"))
	if q.on["comments"] {
		fmt.Println()
	}
}

// record is a resource record in dig's columns.
func (q *question) record(rr dns.RR) string {
	h := rr.Header()
	line := tabbed(printable.Escape(h.Name), 24)
	if q.on["ttlid"] {
		line += fmt.Sprintf("%d\t", h.Ttl)
	}
	if q.on["class"] {
		line += className(h.Class) + "\t"
	}
	line += typeName(h.Rrtype) + "\t"
	if soa, ok := rr.(*dns.SOA); ok && q.on["multiline"] {
		return line + multilineSOA(soa)
	}
	return line + data(rr)
}

func multilineSOA(soa *dns.SOA) string {
	var text strings.Builder
	text.WriteString(printable.Escape(soa.Ns) + " " + printable.Escape(soa.Mbox) + " (")
	for _, f := range []struct {
		name string
		n    uint32
	}{{"serial", soa.Serial}, {"refresh", soa.Refresh}, {"retry", soa.Retry}, {"expire", soa.Expire}, {"minimum", soa.Minttl}} {
		fmt.Fprintf(&text, "\n\t\t\t\t%-10d ; %s", f.n, f.name)
	}
	return text.String() + "\n\t\t\t\t)"
}

// data is what a record says, safe for a terminal.
func data(rr dns.RR) string {
	return printable.Escape(strings.ReplaceAll(strings.TrimPrefix(rr.String(), rr.Header().String()), "\t", " "))
}

func className(class uint16) string {
	if name, ok := dns.ClassToString[class]; ok {
		return name
	}
	return fmt.Sprintf("CLASS%d", class)
}

func typeName(kind uint16) string {
	if name, ok := dns.TypeToString[kind]; ok {
		return name
	}
	return fmt.Sprintf("TYPE%d", kind)
}
