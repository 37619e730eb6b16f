package applet

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// question is one query of dig: dig(1)'s @SERVER NAME TYPE +OPTION form.
type question struct {
	server, port, name, source string
	kind, class                uint16
	named, typed               bool
	v4, v6                     bool
	limit                      time.Duration
	ndots                      int
	ndotsGiven                 bool
	tries, size                int
	domain, subnet             string
	on                         map[string]bool
}

// digOptions are +NAME and +noNAME, and whether they hold at first.
// digParts are parts of the output.
var digParts = []string{"comments", "question", "answer", "authority", "additional", "stats", "cmd"}

var digOptions = map[string]bool{
	"comments": true, "question": true, "answer": true, "authority": true, "additional": true, "stats": true, "cmd": true,
	"short": false, "tcp": false, "vc": false, "tls": false, "search": false, "defname": false, "dnssec": false, "do": false, "multiline": false,
	"recurse": true, "rdflag": true, "adflag": true, "cdflag": false, "aaflag": false, "ignore": false, "nsid": false, "identify": false,
	"edns": true, "ttlid": true, "class": true,
}

// digFixed are the options of which there is one side alone: with +NAME or +noNAME as it is here,
// nothing changes.
var digFixed = map[string]bool{
	"besteffort": true, "fail": true, "keepopen": false, "cookie": false, "idnin": false, "idnout": false, "crypto": true,
	"rrcomments": false, "showsearch": false, "qr": false, "unknownformat": false, "keepalive": false, "trace": false, "nssearch": false,
}

const digOptionsText = `  -p PORT  -b ADDRESS  -q NAME  -t TYPE  -c CLASS  -x ADDRESS  -4  -6  -v
  -r  makes no difference: no .digrc is read
  +short +tcp +tls +search +dnssec +multiline +norecurse +noedns +nsid +identify +ignore +cdflag
  +time=SECONDS +tries=N +retry=N +bufsize=N +domain=NAME +subnet=ADDRESS/BITS
  +[no]all +[no]comments +[no]question +[no]answer +[no]authority +[no]additional +[no]stats +[no]cmd
  +[no]ttlid +[no]class
  +nocookie +noqr +norrcomments +noidnin +noidnout +fail +besteffort, which are always so
`

func runDig(args []string) error {
	list, err := parseDig(args)
	if err != nil {
		return err
	}
	servers, conf, err := resolver()
	for i, q := range list {
		if q.server == "" && err != nil {
			return fail(10, "%w", err)
		}
		use := servers
		if q.server != "" {
			use = []string{q.server}
		}
		if i > 0 && !q.on["short"] && q.on["comments"] {
			fmt.Println()
		}
		if err := q.look(use, conf, strings.Join(args, " ")); err != nil {
			return err
		}
	}
	return nil
}

// parseDig reads the command line; what stands before the first name holds for all queries.
func parseDig(args []string) ([]*question, error) {
	global := &question{port: "53", kind: dns.TypeA, class: dns.ClassINET, limit: 5 * time.Second, tries: 3, size: 1232, on: map[string]bool{}}
	maps.Copy(global.on, digOptions)
	q := global
	var list []*question
	begin := func() {
		n := *global
		n.on = maps.Clone(global.on)
		q, list = &n, append(list, &n)
	}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		named := strings.HasPrefix(word, "-x") || strings.HasPrefix(word, "-q") || !strings.ContainsAny(word[:min(1, len(word))], "-+@") && !isType(word)
		if named && (q == global || q.named) {
			begin()
		}
		used, err := q.take(word, args)
		if err != nil {
			return nil, err
		}
		args = args[used:]
	}
	if list == nil {
		begin()
	}
	for _, q := range list {
		if !q.named {
			q.name = "."
			if !q.typed {
				q.kind = dns.TypeNS
			}
		}
	}
	return list, nil
}

// isType: a word that is the name of a type or a class is one, wherever it stands, as in dig; -q
// NAME is a name for sure.
func isType(word string) bool {
	word = strings.ToUpper(word)
	_, kind := dns.StringToType[word]
	_, class := dns.StringToClass[word]
	digits, numbered := strings.CutPrefix(word, "TYPE")
	return kind || class || numbered && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// take takes one word, and its value from the words after it; it returns how many of these it used.
func (q *question) take(word string, after []string) (used int, err error) {
	switch {
	case word == "-h":
		printUsage("dig", digOptionsText)
		return 0, errHelp
	case word == "-v":
		printVersion("dig")
		return 0, errHelp
	case strings.HasPrefix(word, "@"):
		q.server = word[1:]
	case strings.HasPrefix(word, "+"):
		return 0, q.option(word[1:])
	case word == "-4":
		q.v4 = true
	case word == "-6":
		q.v6 = true
	case word == "-r": // no .digrc is read
	case strings.HasPrefix(word, "-") && len(word) > 1:
		if strings.IndexByte("pbqtcx", word[1]) < 0 {
			return 0, refuse(word)
		}
		value := word[2:]
		if value == "" {
			if len(after) == 0 {
				return 0, fail(exitUsage, "option %s takes a value", word)
			}
			value, used = after[0], 1
		}
		return used, q.flag(word[1], value)
	case isType(word):
		return 0, q.setType(word)
	default:
		q.name, q.named = word, true
	}
	return 0, nil
}

func (q *question) flag(letter byte, value string) (err error) {
	switch letter {
	case 'p':
		q.port = value
	case 'b':
		q.source, _, _ = strings.Cut(value, "#")
	case 'q':
		q.name, q.named = value, true
	case 't', 'c':
		return q.setType(value)
	case 'x':
		if q.name, err = dns.ReverseAddr(value); err != nil {
			return fail(1, "-x: %q is no address", value)
		}
		q.named, q.kind, q.typed = true, dns.TypePTR, true
	}
	return nil
}

func (q *question) setType(word string) error {
	word = strings.ToUpper(word)
	if kind, ok := dns.StringToType[word]; ok {
		q.kind, q.typed = kind, true
		return nil
	}
	if class, ok := dns.StringToClass[word]; ok {
		q.class = class
		return nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(word, "TYPE"), 10, 16)
	if err != nil {
		return fail(1, "%s is not a type or a class", word)
	}
	q.kind, q.typed = uint16(n), true
	return nil
}

// option takes what follows a plus sign. A name may be cut short if it is clear: +noall +ans.
func (q *question) option(text string) error {
	name, value, given := strings.Cut(text, "=")
	n, err := strconv.Atoi(value)
	switch bad := err != nil || n < 0; {
	case name == "time" || name == "timeout":
		q.limit = time.Duration(max(n, 1)) * time.Second
		return optionError(bad, text)
	case name == "tries":
		q.tries = max(n, 1)
		return optionError(bad, text)
	case name == "retry":
		q.tries = n + 1
		return optionError(bad, text)
	case name == "bufsize":
		q.size = min(n, 65535)
		return optionError(bad && given, text)
	case name == "domain":
		q.domain, q.on["search"] = value, true
		return nil
	case name == "subnet":
		q.subnet = value
		return nil
	case name == "ndots" && given:
		q.ndots, q.ndotsGiven = n, true
		return optionError(bad, text)
	case name == "edns" && value == "0":
	case given:
		return optionError(true, text)
	}
	if on, ok := digFixed[strings.TrimPrefix(name, "no")]; ok {
		return optionError(on == strings.HasPrefix(name, "no"), text)
	}
	name, off := strings.CutPrefix(name, "no")
	if name == "all" {
		for _, part := range digParts {
			q.on[part] = !off
		}
		return nil
	}
	full := ""
	for option := range digOptions {
		if option == name || strings.HasPrefix(option, name) && full != name && (full == "" || option < full) {
			full = option
		}
	}
	if full == "" || name == "" {
		return optionError(true, text)
	}
	q.on[full] = !off
	return nil
}

func optionError(bad bool, text string) error {
	if bad {
		return refuse("+" + text)
	}
	return nil
}

// resolvConfLimit bounds what is read of the container's /etc/resolv.conf.
const resolvConfLimit = 64 << 10

// resolver gives the name servers of /etc/resolv.conf and all of it.
func resolver() ([]string, *dns.ClientConfig, error) {
	f, err := os.Open("/etc/resolv.conf")
	if err != nil {
		return nil, &dns.ClientConfig{}, fmt.Errorf("find a name server: %w", err)
	}
	defer f.Close()
	conf, err := dns.ClientConfigFromReader(io.LimitReader(f, resolvConfLimit))
	if err != nil {
		return nil, &dns.ClientConfig{}, fmt.Errorf("find a name server: %w", err)
	}
	if len(conf.Servers) == 0 {
		return nil, conf, errors.New("/etc/resolv.conf names no server; give one as @ADDRESS")
	}
	return conf.Servers, conf, nil
}

// addressOf finds a server's address; -4 and -6 choose its family.
func (q *question) addressOf(server string) (string, error) {
	server = strings.Trim(server, "[]")
	if host, _, _ := strings.Cut(server, "%"); net.ParseIP(host) != nil {
		return server, nil
	}
	network := "ip"
	if q.v4 != q.v6 {
		network = map[bool]string{true: "ip4", false: "ip6"}[q.v4]
	}
	a, err := net.ResolveIPAddr(network, server)
	if err != nil {
		return "", err
	}
	return a.String(), nil
}
