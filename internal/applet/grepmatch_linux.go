package applet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// grepExpression makes one expression of patterns; group is the one whose text -o prints.
func grepExpression(patterns []string, g *grep) (re *regexp.Regexp, group int, err error) {
	parts := make([]string, len(patterns))
	for i, p := range patterns {
		switch {
		case g.fixed:
			parts[i] = regexp.QuoteMeta(p)
		case g.perl:
			if len(patterns) > 1 {
				return nil, 0, errors.New("-P takes one pattern")
			}
			if parts[i], err = perlExpression(p); err != nil {
				return nil, 0, err
			}
			if strings.Contains(parts[i], "(?P<kept>") {
				group = 1
			}
		default:
			if parts[i], err = posixExpression(p, g.extended); err != nil {
				return nil, 0, err
			}
		}
		parts[i] = "(?:" + parts[i] + ")"
	}
	expr := strings.Join(parts, "|")
	switch {
	case g.line:
		expr = "^(?:" + expr + ")$"
	case g.word:
		expr = `\b(?:` + expr + `)\b`
	}
	if g.ignore {
		expr = "(?i)" + expr
	}
	if re, err = regexp.Compile(expr); err != nil {
		return nil, 0, err
	}
	if !g.perl {
		re.Longest() // POSIX: the longest of the leftmost
	}
	if group == 1 {
		group = re.SubexpIndex("kept")
	}
	return re, group, nil
}

// perlExpression rewrites X\KY, (?<=X)Y and Y(?=X), which RE2 lacks: a group has the Y that counts.
func perlExpression(p string) (string, error) {
	before, kept, after := "", p, ""
	if i := strings.LastIndex(kept, `\K`); i >= 0 && (i == 0 || kept[i-1] != '\\') {
		before, kept = kept[:i], kept[i+2:]
	}
	if strings.HasPrefix(kept, "(?<=") {
		if end := closing(kept); end > 0 {
			before, kept = before+"(?:"+kept[4:end]+")", kept[end+1:]
		}
	}
	if i := strings.LastIndex(kept, "(?="); i >= 0 && closing(kept[i:]) == len(kept)-i-1 {
		kept, after = kept[:i], "(?:"+kept[i+3:len(kept)-1]+")"
	}
	if before+after == "" {
		return kept, nil
	}
	for _, s := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.Contains(kept, s) || strings.Contains(before, s) {
			return "", fmt.Errorf("-P: %s is not supported there", s)
		}
	}
	return before + "(?P<kept>" + kept + ")" + after, nil
}

// closing is where the parenthesis that s begins with is closed, or -1.
func closing(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// posixExpression turns a basic or extended regex(7) with GNU's \w \b \< \> into RE2's.
func posixExpression(p string, extended bool) (string, error) {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '[':
			end := bracketEnd(p[i:])
			if end < 0 {
				return "", errors.New("Unmatched [") //nolint:staticcheck // grep's words
			}
			b.WriteString(strings.ReplaceAll(p[i:i+end+1], `\`, `\\`))
			i += end
		case c == '\\' && i+1 < len(p):
			i++
			switch next := p[i]; {
			case next == '<' || next == '>':
				b.WriteString(`\b`)
			case next >= '1' && next <= '9':
				return "", errors.New("back-references need grep without long options, -P or -I")
			case !extended && strings.IndexByte("(){}+?|", next) >= 0:
				b.WriteByte(next)
			default:
				b.WriteString(`\` + string(next))
			}
		case !extended && strings.IndexByte("(){}+?|", c) >= 0:
			b.WriteString(`\` + string(c))
		case !extended && c == '*' && (i == 0 || p[:i] == "^" || strings.HasSuffix(p[:i], `\(`) || strings.HasSuffix(p[:i], `\|`)):
			b.WriteString(`\*`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

func bracketEnd(s string) int {
	i := 1
	if strings.HasPrefix(s[i:], "^") {
		i++
	}
	if strings.HasPrefix(s[i:], "]") {
		i++
	}
	for ; i < len(s); i++ {
		if s[i] == '[' && i+1 < len(s) && strings.IndexByte(":.=", s[i+1]) >= 0 {
			if end := strings.Index(s[i+2:], string(s[i+1])+"]"); end >= 0 {
				i += end + 3
				continue
			}
		}
		if s[i] == ']' {
			return i
		}
	}
	return -1
}

// longestLine bounds what one line takes of memory.
const longestLine = 64 << 20

// search looks through one file.
func (g *grep) search(name string, r io.Reader) {
	reader := bufio.NewReaderSize(r, 64<<10)
	binary := !g.text && isBinary(reader)
	if binary && g.skipBinary {
		return
	}
	lines := bufio.NewScanner(reader)
	lines.Buffer(nil, longestLine)
	matched, last, trailing := 0, 0, 0
	var before []string
	for n := 1; lines.Scan() && (g.most < 0 || matched < g.most || trailing > 0); n++ {
		line := lines.Bytes()
		if g.re.Match(line) == g.invert || g.most >= 0 && matched >= g.most {
			if trailing > 0 {
				g.print(name, n, line, '-')
				trailing, last = trailing-1, n
			} else if g.before > 0 {
				before = append(before, string(line))
				before = before[max(len(before)-g.before, 0):]
			}
			continue
		}
		matched++
		g.found = true
		if g.quiet || g.list || g.listNot {
			break
		}
		if g.count {
			continue
		}
		if binary {
			fmt.Fprintf(g.out, "Binary file %s matches\n", name)
			break
		}
		if (g.before > 0 || g.after > 0) && last > 0 && n-len(before) > last+1 {
			fmt.Fprintln(g.out, "--")
		}
		for i, text := range before {
			g.print(name, n-len(before)+i, []byte(text), '-')
		}
		g.print(name, n, line, ':')
		before, last, trailing = nil, n, g.after
	}
	if err := lines.Err(); err != nil {
		g.complain(fmt.Errorf("%s: %w", name, innermostPath(err)))
	}
	g.finish(name, matched)
}

func (g *grep) finish(name string, matched int) {
	switch {
	case g.list && matched > 0, g.listNot && matched == 0:
		fmt.Fprintln(g.out, g.colored("35", name))
	case g.count && !g.quiet && !g.list && !g.listNot:
		if g.named {
			fmt.Fprint(g.out, g.colored("35", name)+g.colored("36", ":"))
		}
		fmt.Fprintln(g.out, matched)
	}
}

func (g *grep) colored(color, text string) string {
	if !g.paint {
		return text
	}
	return "\x1b[" + color + "m\x1b[K" + text + "\x1b[m\x1b[K"
}

// print writes a line, or with -o its matches. mark is ":" for a match, "-" for a line around it.
func (g *grep) print(name string, n int, line []byte, mark rune) {
	if g.flushing {
		defer g.out.Flush()
	}
	prefix := ""
	if g.named {
		prefix += g.colored("35", name) + g.colored("36", string(mark))
	}
	if g.number {
		prefix += g.colored("32", fmt.Sprint(n)) + g.colored("36", string(mark))
	}
	paint := g.paint && mark == ':' && !g.invert
	if !g.only && !paint {
		fmt.Fprintf(g.out, "%s%s\n", prefix, line)
		return
	}
	if g.only && (mark != ':' || g.invert) {
		return
	}
	var whole bytes.Buffer
	end := 0
	for _, m := range g.re.FindAllSubmatchIndex(line, -1) {
		from, to := m[2*g.group], m[2*g.group+1]
		if from < 0 || from == to {
			continue
		}
		text := g.colored("01;31", string(line[from:to]))
		if g.only {
			fmt.Fprintln(g.out, prefix+text)
			continue
		}
		whole.Write(line[end:from])
		whole.WriteString(text)
		end = to
	}
	if !g.only {
		whole.Write(line[end:])
		fmt.Fprintf(g.out, "%s%s\n", prefix, whole.Bytes())
	}
}
