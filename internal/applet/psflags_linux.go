package applet

import (
	"fmt"
	"strconv"
	"strings"
)

func (p *ps) parse(args []string) error {
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		var err error
		switch {
		case strings.HasPrefix(word, "--"):
			args, err = p.long(word[2:], args)
		case strings.HasPrefix(word, "-") && len(word) > 1:
			args, err = p.letters(word[1:], args)
		case word != "" && strings.Trim(word, "0123456789,") == "":
			p.pids = append(p.pids, strings.Split(word, ",")...)
		default:
			p.bsd = true
			args, err = p.letters(word, args)
		}
		if err != nil {
			return err
		}
	}
	return p.choose()
}

// letters reads one-letter options. A value is the rest of the word, or else the next word.
func (p *ps) letters(word string, args []string) ([]string, error) {
	for i := range len(word) {
		letter := word[i : i+1]
		if !p.takesValue(word[i]) {
			if err := p.letter(letter); err != nil {
				return nil, err
			}
			continue
		}
		value := word[i+1:]
		if value == "" {
			if len(args) == 0 {
				return nil, fail(exitUsage, "option %s takes a value", letter)
			}
			value, args = args[0], args[1:]
		}
		return args, p.valued(letter, value)
	}
	return args, nil
}

// takesValue: u, g, s and C are options without a value in the BSD form.
func (p *ps) takesValue(letter byte) bool {
	values := "opCUtgskqu"
	if p.bsd {
		values = "opUtkq"
	}
	return strings.IndexByte(values, letter) >= 0
}

func (p *ps) letter(letter string) error {
	style := letter
	switch {
	case letter == "a", p.bsd && (letter == "x" || letter == "g"), !p.bsd && (letter == "e" || letter == "A"):
		return nil // a selection that leaves nothing out here
	case letter == "d" && !p.bsd:
		p.followers = true
		return nil
	case letter == "r" && p.bsd:
		p.running = true
		return nil
	}
	switch letter {
	case "f":
		if p.bsd {
			p.forest = true
			return nil
		}
	case "F", "l", "j", "v":
	case "u":
		style = "bsd u"
	case "L", "T":
		p.threads = true
		if letter == "T" && p.style != "" {
			return nil
		}
	case "H":
		p.forest = !p.bsd
		p.threads = p.threads || p.bsd
		return nil
	case "h":
		p.noHeader = true
		return nil
	case "w":
		p.wide = true
		return nil
	case "N":
		p.negate = true
		return nil
	case "V":
		printVersion("ps")
		return errHelp
	default:
		if !p.bsd {
			letter = "-" + letter
		}
		return refuse(letter)
	}
	if letter == "L" && p.style == "f" || letter == "f" && p.style == "L" {
		style = "Lf"
	}
	p.style = style
	return nil
}

func (p *ps) valued(letter, value string) error {
	list := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	switch letter {
	case "o":
		return p.columns(value)
	case "p", "q":
		p.pids = append(p.pids, list...)
	case "C":
		p.names = append(p.names, list...)
	case "u", "U":
		p.users = append(p.users, list...)
	case "t":
		p.ttys = append(p.ttys, list...)
	case "s", "g":
		p.sids = append(p.sids, list...)
	case "k":
		p.sort = append(p.sort, list...)
	}
	return nil
}

func (p *ps) long(word string, args []string) ([]string, error) {
	name, value, given := strings.Cut(word, "=")
	takes := map[string]string{"sort": "k", "format": "o", "pid": "p", "ppid": "", "user": "u", "User": "U", "tty": "t", "sid": "s", "quick-pid": "p",
		"cols": "", "columns": "", "width": "", "rows": "", "lines": ""}
	letter, valued := takes[name]
	if valued && !given {
		if len(args) == 0 {
			return nil, fail(exitUsage, "--%s takes a value", name)
		}
		value, args = args[0], args[1:]
	}
	switch {
	case name == "ppid":
		p.parents = append(p.parents, strings.Split(value, ",")...)
	case name == "cols", name == "columns", name == "width":
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || n == 0 {
			return nil, fail(exitUsage, "--%s takes a number of columns, not %q", name, value)
		}
		p.columnLimit = int(n)
	case name == "rows", name == "lines": // every how many lines a header comes, of which there is one here
	case valued:
		return args, p.valued(letter, value)
	case name == "forest":
		p.forest = true
	case name == "no-headers", name == "no-heading", name == "noheader", name == "noheaders":
		p.noHeader = true
	case name == "deselect":
		p.negate = true
	default:
		return nil, refuse("--" + name)
	}
	return args, nil
}

// columns reads -o: NAME, NAME= for no header, and NAME=HEADER, which takes the rest of the word.
func (p *ps) columns(value string) error {
	for value != "" {
		i := strings.IndexAny(value, ", =")
		name, rest, header, given := value, "", "", false
		if i >= 0 {
			name, rest = value[:i], value[i+1:]
			if given = value[i] == '='; given {
				if header, rest, _ = strings.Cut(rest, ","); strings.Contains(header, " ") {
					header, rest = header+","+rest, ""
				}
			}
		}
		value = rest
		if name == "" {
			continue
		}
		name, width, _ := strings.Cut(name, ":")
		c, ok := psColumnOf(name)
		if !ok {
			return fmt.Errorf("error: unknown user-defined format specifier %q", name)
		}
		if given {
			c.header = header
		}
		if n, err := strconv.Atoi(width); err == nil {
			c.width = min(n, 1000)
		}
		p.format = append(p.format, c)
	}
	return nil
}

// psStyles are the formats that have an option of their own.
var psStyles = map[string]string{
	"":       "pid,tty,time,ucmd",
	"bsd":    "pid,tty,stat,bsdtime,args",
	"f":      "ufname,pid,ppid,c,stime,tty,time,cmd",
	"F":      "ufname,pid,ppid,c,sz,rss,psr,stime,tty,time,cmd",
	"l":      "f,s,uid,pid,ppid,c,pri,ni,addr,sz,wchan,tty,time,ucmd",
	"j":      "pid,pgid,sid,tty,time,ucmd",
	"bsd j":  "ppid,pid,pgid,sid,tty,tpgid,stat,uid,bsdtime,args",
	"bsd l":  "f,uid,pid,ppid,pri,ni,vsz,rss,wchan,stat,tty,bsdtime,args",
	"bsd u":  "user,pid,%cpu,%mem,vsz,rss,tty,stat,start,bsdtime,args",
	"v":      "pid,tty,stat,bsdtime,vsz,rss,%mem,args",
	"L":      "pid,tid,tty,time,ucmd",
	"T":      "pid,spid,tty,time,ucmd",
	"Lf":     "ufname,pid,ppid,tid,c,nlwp,stime,tty,time,cmd",
	"bsd bT": "pid,spid,tty,stat,bsdtime,args",
}

func (p *ps) choose() error {
	if p.format != nil {
		return nil
	}
	style := p.style
	switch {
	case p.bsd && (style == "j" || style == "l"):
		style = "bsd " + style
	case p.bsd && style == "":
		style = "bsd"
	case p.bsd && style == "T":
		style = "bsd bT"
	}
	if err := p.columns(psStyles[style]); err != nil {
		return err
	}
	for i := range p.format {
		if c := &p.format[i]; c.name == "bsdtime" {
			p.table.clock = true
		}
	}
	return nil
}
