package dissect

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// maxRecords is how many records of a message are printed.
const maxRecords = 64

// domain prints a DNS message (RFC 1035); it returns false if it is none.
func (p *Printer) domain(t *text, r part, multicast bool) bool {
	var m dnsmessage.Parser
	h, err := m.Start(r.data)
	if err != nil {
		return false
	}
	flags := uint16(r.data[2])<<8 | uint16(r.data[3])
	var counts [4]int // of questions, answers, authorities, additionals
	for i := range counts {
		counts[i] = int(r.data[4+2*i])<<8 | int(r.data[5+2*i])
	}
	var questions []dnsmessage.Question
	for range min(counts[0], maxRecords) {
		q, err := m.Question()
		if err != nil {
			break
		}
		questions = append(questions, q)
	}
	qerr := m.SkipAllQuestions()
	if h.Response {
		p.domainAnswer(t, &m, &h, flags, counts, questions, multicast)
	} else {
		domainQuestion(t, &h, flags, counts, questions, multicast)
	}
	if p.o.Verbose > 1 {
		_ = m.SkipAllAnswers() // what could not be read, or is not printed
		p.records(t, m.Authority, multicast, " ns:")
		_ = m.SkipAllAuthorities()
		p.records(t, m.Additional, multicast, " ar:")
	}
	if qerr != nil {
		t.add(" [|domain]")
	}
	t.add(" (%d)", r.length)
	return true
}

var (
	domainOps = [16]string{
		1: " inv_q", 2: " stat", 3: " op3", 4: " notify", 5: " update", 6: " op6", 7: " op7", 8: " op8",
		9: " updateA", 10: " updateD", 11: " updateDA", 12: " updateM", 13: " updateMA", 14: " zoneInit", 15: " zoneRef",
	}
	domainCodes = [16]string{
		1: " FormErr", 2: " ServFail", 3: " NXDomain", 4: " NotImp", 5: " Refused", 6: " YXDomain", 7: " YXRRSet",
		8: " NXRRSet", 9: " NotAuth", 10: " NotZone", 11: " Resp11", 12: " Resp12", 13: " Resp13", 14: " Resp14", 15: " NoChange",
	}
)

// sign is s if the condition holds.
func sign(c bool, s string) string {
	if c {
		return s
	}
	return ""
}

func domainQuestion(t *text, h *dnsmessage.Header, flags uint16, counts [4]int, questions []dnsmessage.Question, multicast bool) {
	t.add("%d%s%s%s", h.ID, domainOps[h.OpCode&15], sign(h.RecursionDesired, "+"), sign(h.CheckingDisabled, "%"))
	const odd = 0x6cf // what a question has no use for
	if flags&odd != 0 {
		t.add(" [b2&3=0x%x]", flags)
	}
	for i, name := range []string{"a", "n", "au"} {
		if n := counts[i+1]; n > 0 {
			t.add(" [%d%s]", n, name)
		}
	}
	if counts[0] != 1 {
		t.add(" [%dq]", counts[0])
	}
	for _, q := range questions {
		t.add("%s", question(&q, multicast))
	}
}

// question prints one. A bit of its class asks for a reply
// to the sender alone in multicast DNS (RFC 6762, 5.4).
func question(q *dnsmessage.Question, multicast bool) string {
	class, way := q.Class, ""
	if multicast {
		way = " (QM)"
		if class&0x8000 != 0 {
			class, way = class&0x7fff, " (QU)"
		}
	}
	return " " + recordType(q.Type) + className(class) + way + "? " + domainName(q.Name)
}

func (p *Printer) domainAnswer(t *text, m *dnsmessage.Parser, h *dnsmessage.Header, flags uint16, counts [4]int, questions []dnsmessage.Question, multicast bool) {
	t.add("%d%s%s%s%s%s%s", h.ID, domainOps[h.OpCode&15], domainCodes[h.RCode&15], sign(h.Authoritative, "*"), sign(!h.RecursionAvailable, "-"),
		sign(h.Truncated, "|"), sign(flags&0x20 != 0, "$"))
	if counts[0] != 1 {
		t.add(" [%dq]", counts[0])
	}
	for i, q := range questions {
		t.add("%s%s", [...]string{" q:", ","}[min(i, 1)], question(&q, multicast))
	}
	t.add(" %d/%d/%d", counts[1], counts[2], counts[3])
	p.records(t, m.Answer, multicast, "")
}

// records prints those of a section until its end, or as far as they can be read.
func (p *Printer) records(t *text, next func() (dnsmessage.Resource, error), multicast bool, head string) {
	for i := range maxRecords {
		r, err := next()
		if err != nil {
			return
		}
		if i == 0 {
			t.add("%s", head)
		} else {
			t.add(",")
		}
		p.record(t, &r, multicast)
	}
}

func (p *Printer) record(t *text, r *dnsmessage.Resource, multicast bool) {
	if p.o.Verbose > 0 {
		t.add(" %s", domainName(r.Header.Name))
	}
	class := r.Header.Class
	if r.Header.Type != dnsmessage.TypeOPT {
		if multicast && class&0x8000 != 0 {
			class &= 0x7fff
			t.add(" (Cache flush)")
		}
		t.add("%s", className(class))
		if p.o.Verbose > 2 {
			t.add(" [%s]", relative(r.Header.TTL))
		}
	}
	t.add(" %s%s", recordType(r.Header.Type), p.recordBody(r))
}

// recordBody is what a record says.
func (p *Printer) recordBody(r *dnsmessage.Resource) string {
	switch b := r.Body.(type) {
	case *dnsmessage.AResource:
		return " " + netip.AddrFrom4(b.A).String()
	case *dnsmessage.AAAAResource:
		return " " + netip.AddrFrom16(b.AAAA).String()
	case *dnsmessage.CNAMEResource:
		return " " + domainName(b.CNAME)
	case *dnsmessage.NSResource:
		return " " + domainName(b.NS)
	case *dnsmessage.PTRResource:
		return " " + domainName(b.PTR)
	case *dnsmessage.MXResource:
		return fmt.Sprintf(" %s %d", domainName(b.MX), b.Pref)
	case *dnsmessage.SRVResource:
		return fmt.Sprintf(" %s:%d %d %d", domainName(b.Target), b.Port, b.Priority, b.Weight)
	case *dnsmessage.TXTResource:
		var s strings.Builder
		for _, text := range b.TXT {
			s.WriteString(` "` + text + `"`)
		}
		return s.String()
	case *dnsmessage.SOAResource:
		if p.o.Verbose == 0 {
			return ""
		}
		return fmt.Sprintf(" %s %s %d %d %d %d %d", domainName(b.NS), domainName(b.MBox), b.Serial, b.Refresh, b.Retry, b.Expire, b.MinTTL)
	case *dnsmessage.OPTResource:
		return fmt.Sprintf(" UDPsize=%d%s", r.Header.Class, sign(r.Header.TTL&0x8000 != 0, " DO"))
	}
	return ""
}

// domainName is a domain name, whose labels may hold any byte.
func domainName(n dnsmessage.Name) string { return n.String() }

// recordTypes are the names of types (IANA, DNS parameters).
var recordTypes = map[dnsmessage.Type]string{
	1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 11: "WKS", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 24: "SIG", 25: "KEY",
	28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 36: "KX", 37: "CERT", 38: "A6", 39: "DNAME", 41: "OPT", 43: "DS", 44: "SSHFP", 46: "RRSIG", 47: "NSEC",
	48: "DNSKEY", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 59: "CDS", 60: "CDNSKEY", 61: "OPENPGPKEY", 64: "SVCB", 65: "HTTPS", 99: "SPF", 249: "TKEY",
	250: "TSIG", 251: "IXFR", 252: "AXFR", 253: "MAILB", 254: "MAILA", 255: "ANY", 256: "URI", 257: "CAA",
}

func recordType(t dnsmessage.Type) string {
	if s := recordTypes[t]; s != "" {
		return s
	}
	return "Type" + itoa(int(t))
}

func className(c dnsmessage.Class) string {
	switch c {
	case dnsmessage.ClassINET:
		return ""
	case dnsmessage.ClassCHAOS:
		return " CHAOS"
	case dnsmessage.ClassHESIOD:
		return " HS"
	case dnsmessage.ClassANY:
		return " ANY"
	}
	return " (Class " + itoa(int(c)) + ")"
}

// relative is a time to live, in seconds, as tcpdump prints it: 1d2h3m4s.
func relative(seconds uint32) string {
	if seconds == 0 {
		return "0s"
	}
	var s strings.Builder
	for _, u := range []struct {
		size uint32
		name string
	}{{7 * 24 * 3600, "w"}, {24 * 3600, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}} {
		if n := seconds / u.size; n > 0 {
			s.WriteString(itoa(int(n)) + u.name)
		}
		seconds %= u.size
	}
	return s.String()
}
