package applet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// question is one run of dig: dig(1)'s @SERVER NAME TYPE +OPTION form.
type question struct {
	server, port, name string
	kind               uint16
	short, tcp, answer bool
	limit              time.Duration
}

func runDig(args []string) error {
	q := &question{port: "53", kind: dns.TypeA, limit: 5 * time.Second}
	var reverse, kind string
	rest, err := flags("dig", args, func(f *pflag.FlagSet) {
		f.StringVarP(&q.port, "port", "p", q.port, "port")
		f.StringVarP(&reverse, "reverse", "x", "", "address to look up the name of")
		f.StringVarP(&kind, "type", "t", "", "type of record")
		f.BoolVar(&q.tcp, "tcp", false, "over TCP")
	})
	if err != nil {
		return err
	}
	if reverse != "" {
		if q.name, err = dns.ReverseAddr(reverse); err != nil {
			return fail(exitUsage, "%w", err)
		}
		q.kind = dns.TypePTR
	}
	if kind != "" {
		rest = append(rest, kind)
	}
	for _, word := range rest {
		if err := q.take(word); err != nil {
			return err
		}
	}
	if q.name == "" {
		return fail(exitUsage, "no name given")
	}
	if q.server == "" {
		if q.server, err = resolver(); err != nil {
			return fail(9, "%w", err)
		}
	}
	return q.ask()
}

// take takes one word of the command line.
func (q *question) take(word string) error {
	switch {
	case strings.HasPrefix(word, "@"):
		q.server = word[1:]
	case strings.HasPrefix(word, "+time="):
		d, err := time.ParseDuration(word[len("+time="):] + "s")
		if err != nil {
			return fail(exitUsage, "bad option %s", word)
		}
		q.limit = d
	case word == "+short":
		q.short = true
	case word == "+tcp" || word == "+vc":
		q.tcp = true
	case word == "+noall":
		q.answer = true
	case word == "+answer":
	case strings.HasPrefix(word, "+"):
		return fail(exitUsage, "unknown option %s: there is +short +tcp +noall +answer +time=N", word)
	default:
		if kind, ok := dns.StringToType[strings.ToUpper(word)]; ok && q.name != "" {
			q.kind = kind
			return nil
		}
		if q.name != "" {
			return fail(exitUsage, "unknown type %s", word)
		}
		q.name = dns.Fqdn(word)
	}
	return nil
}

// resolvConfLimit bounds what is read of the container's /etc/resolv.conf.
const resolvConfLimit = 64 << 10

// resolver is the first name server of /etc/resolv.conf.
func resolver() (string, error) {
	f, err := os.Open("/etc/resolv.conf")
	if err != nil {
		return "", fmt.Errorf("find a name server: %w", err)
	}
	defer f.Close()
	conf, err := dns.ClientConfigFromReader(io.LimitReader(f, resolvConfLimit))
	if err != nil {
		return "", fmt.Errorf("find a name server: %w", err)
	}
	if len(conf.Servers) == 0 {
		return "", errors.New("/etc/resolv.conf names no server; give one as @ADDRESS")
	}
	return conf.Servers[0], nil
}

func (q *question) ask() error {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.kind)
	m.SetEdns0(1232, false)
	client := &dns.Client{Timeout: q.limit}
	if q.tcp {
		client.Net = "tcp"
	}
	server := net.JoinHostPort(strings.Trim(q.server, "[]"), q.port)
	ctx, cancel := context.WithTimeout(context.Background(), q.limit)
	defer cancel()
	res, took, err := client.ExchangeContext(ctx, m, server)
	if err == nil && res.Truncated && !q.tcp {
		client.Net = "tcp"
		res, took, err = client.ExchangeContext(ctx, m, server)
	}
	if err != nil {
		return fail(9, "ask %s: %w", server, err)
	}
	q.print(res, took, server)
	return nil
}

func (q *question) print(res *dns.Msg, took time.Duration, server string) {
	if q.short {
		for _, rr := range res.Answer {
			fmt.Println(printable.Escape(strings.TrimPrefix(rr.String(), rr.Header().String())))
		}
		return
	}
	if !q.answer {
		fmt.Printf(";; status: %s, id: %d, answers: %d, authorities: %d, additional: %d\n",
			dns.RcodeToString[res.Rcode], res.Id, len(res.Answer), len(res.Ns), len(res.Extra))
		fmt.Printf(";; question: %s\n", printable.Escape(strings.ReplaceAll(res.Question[0].String(), "\t", " ")))
	}
	sections := []struct {
		name string
		rrs  []dns.RR
	}{{"answer", res.Answer}, {"authority", res.Ns}, {"additional", res.Extra}}
	if q.answer {
		sections = sections[:1]
	}
	for _, s := range sections {
		for _, rr := range s.rrs {
			if rr.Header().Rrtype != dns.TypeOPT {
				fmt.Println(strings.ReplaceAll(printable.Escape(strings.ReplaceAll(rr.String(), "\t", "  ")), "\t", "  "))
			}
		}
	}
	if !q.answer {
		fmt.Printf(";; %d ms, server %s\n", took.Milliseconds(), server)
	}
}
