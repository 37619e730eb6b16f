package applet

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// runColumn is column(1) with -t: a table of the fields of lines.
func runColumn(args []string) error {
	var table bool
	var separators, output, names string
	files, err := flags("column", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&table, "table", "t", false, "make a table")
		f.StringVarP(&separators, "separator", "s", " \t", "characters between fields")
		f.StringVarP(&output, "output-separator", "o", "  ", "what stands between columns")
		f.StringVarP(&names, "table-columns", "N", "", "names of columns")
	})
	if err != nil {
		return err
	}
	var rows [][]string
	if names != "" {
		rows = append(rows, strings.Split(names, ","))
	}
	if err := eachLine(files, func(line string) error {
		if strings.TrimSpace(line) == "" {
			return nil
		}
		row := []string{line}
		if table && separators == " \t" {
			row = strings.Fields(line)
		} else if table {
			row = splitAny(line, separators)
		}
		rows = append(rows, row)
		return nil
	}); err != nil {
		return err
	}
	var width []int
	for _, r := range rows {
		for i, cell := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i, cell := range r {
			b.WriteString(cell)
			if i < len(r)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)) + output)
			}
		}
		fmt.Println(b.String())
	}
	return nil
}

// splitAny splits at each of the characters; empty fields stay.
func splitAny(line, separators string) []string {
	var fields []string
	for {
		i := strings.IndexAny(line, separators)
		if i < 0 {
			return append(fields, line)
		}
		fields, line = append(fields, line[:i]), line[i+1:]
	}
}

// eachLine calls f with every line of the files.
func eachLine(files []string, f func(line string) error) error {
	return each(files, func(_ string, r io.Reader) error {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, longestLine)
		for lines.Scan() {
			if err := f(lines.Text()); err != nil {
				return err
			}
		}
		return lines.Err()
	})
}

// runComm compares two sorted files.
func runComm(args []string) error {
	var hide [3]bool
	files, err := flags("comm", args, func(f *pflag.FlagSet) {
		for i, usage := range []string{"no lines of the first alone", "no lines of the second alone", "no lines of both"} {
			f.BoolVarP(&hide[i], "hide-"+strconv.Itoa(i+1), strconv.Itoa(i+1), false, usage)
		}
		f.Bool("nocheck-order", false, "makes no difference: the order is never checked")
	})
	if err != nil {
		return err
	}
	if len(files) != 2 {
		return fail(exitUsage, "takes two files")
	}
	var sides [2][]string
	for i, name := range files {
		if err := eachLine([]string{name}, func(line string) error {
			sides[i] = append(sides[i], line)
			return nil
		}); err != nil {
			return err
		}
	}
	show := func(column int, line string) {
		if hide[column] {
			return
		}
		for i := range column {
			if !hide[i] {
				line = "\t" + line
			}
		}
		fmt.Println(line)
	}
	a, b := sides[0], sides[1]
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			show(0, a[0])
			a = a[1:]
		case len(a) == 0 || b[0] < a[0]:
			show(1, b[0])
			b = b[1:]
		default:
			show(2, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return nil
}

// runSort adds -h, human sizes, to busybox's sort, which does the rest.
func runSort(args []string) error {
	var f *pflag.FlagSet
	var human, reverse, unique, stable bool
	var keys []string
	var separator string
	withoutHuman := [][2]string{
		{"numeric-sort", "n"}, {"version-sort", "V"}, {"month-sort", "M"}, {"general-numeric-sort", "g"}, {"ignore-case", "f"},
		{"ignore-leading-blanks", "b"}, {"dictionary-order", "d"}, {"ignore-nonprinting", "i"}, {"check", "c"}, {"zero-terminated", "z"},
	}
	files, err := flags("sort", args, func(set *pflag.FlagSet) {
		f = set
		f.BoolVarP(&human, "human-numeric-sort", "h", false, "sizes such as 2K and 1G")
		f.BoolVarP(&reverse, "reverse", "r", false, "the other way round")
		f.BoolVarP(&unique, "unique", "u", false, "each once")
		f.BoolVarP(&stable, "stable", "s", false, "leave what is equal in its order")
		f.StringArrayVarP(&keys, "key", "k", nil, "by that field; with -h one at most")
		f.StringVarP(&separator, "field-separator", "t", "", "character between fields")
		for _, b := range withoutHuman {
			f.BoolP(b[0], b[1], false, "as busybox has it, without -h")
		}
		f.StringP("output", "o", "", "write to a file, without -h")
	})
	if err != nil {
		return err
	}
	if !human {
		return throughBusybox(f, files)
	}
	for _, b := range append(withoutHuman, [2]string{"output", "o"}) {
		if f.Changed(b[0]) {
			return fail(exitUsage, "-%s and -h do not go together", b[1])
		}
	}
	if len(keys) > 1 {
		return fail(exitUsage, "with -h there is one -k at most")
	}
	key := strings.Join(keys, "")
	var lines []string
	if err := eachLine(files, func(line string) error {
		lines = append(lines, line)
		return nil
	}); err != nil {
		return err
	}
	field, _ := strconv.Atoi(strings.TrimRight(strings.SplitN(key, ",", 2)[0], "hnrb"))
	reverse = reverse || strings.Contains(key, "r")
	slices.SortStableFunc(lines, func(a, b string) int {
		order := cmp.Compare(humanSize(fieldOf(a, separator, field)), humanSize(fieldOf(b, separator, field)))
		if order == 0 && !stable {
			order = strings.Compare(a, b)
		}
		if reverse {
			return -order
		}
		return order
	})
	if unique {
		lines = slices.Compact(lines)
	}
	for _, line := range lines {
		fmt.Println(line)
	}
	return nil
}

func fieldOf(line, separator string, n int) string {
	if n < 1 {
		return line
	}
	fields := strings.Fields(line)
	if separator != "" {
		fields = strings.Split(line, separator)
	}
	if n > len(fields) {
		return ""
	}
	return fields[n-1]
}

// humanSize reads 12, 1.5K, 2M at the beginning of a text.
func humanSize(s string) float64 {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && strings.IndexByte("0123456789.-", s[end]) >= 0 {
		end++
	}
	n, _ := strconv.ParseFloat(s[:end], 64)
	if end < len(s) {
		for range strings.IndexByte(" KMGTPE", strings.ToUpper(s[end : end+1])[0]) {
			n *= 1024
		}
	}
	return n
}

// runDu gives busybox's du the long options of du(1).
func runDu(args []string) error {
	var f *pflag.FlagSet
	files, err := flags("du", args, func(set *pflag.FlagSet) {
		f = set
		for _, b := range []struct{ name, letter, usage string }{
			{"all", "a", "files too"}, {"bytes", "b", "bytes of the contents, and not of the disk"}, {"total", "c", "a total"},
			{"dereference-args", "H", "follow links that are named"}, {"human-readable", "h", "sizes such as 2K and 1G"},
			{"kilobytes", "k", "in KiB"}, {"dereference", "L", "follow all links"}, {"count-links", "l", "count what has several names each time"},
			{"megabytes", "m", "in MiB"}, {"summarize", "s", "the sum of each argument alone"}, {"one-file-system", "x", "stay on one file system"},
		} {
			f.BoolP(b.name, b.letter, false, b.usage)
		}
		f.StringP("max-depth", "d", "", "print no deeper than that")
	})
	if err != nil {
		return err
	}
	return throughBusybox(f, files)
}

func runPrintenv(args []string) error {
	args, err := flags("printenv", args, nil)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return runEnv(nil)
	}
	missing := false
	for _, name := range args {
		if value, ok := os.LookupEnv(name); ok {
			fmt.Println(value)
		} else {
			missing = true
		}
	}
	if missing {
		return &exitError{code: 1}
	}
	return nil
}
