package applet

import (
	"bufio"
	"cmp"
	"errors"
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
		f.Bool("nocheck-order", false, "accepted")
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
	human := slices.ContainsFunc(args, func(a string) bool {
		return a == "--human-numeric-sort" || len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.Contains(strings.SplitN(a, "t", 2)[0], "h")
	})
	if !human {
		return becomeBusybox("sort", shortOptions(args, map[string]string{
			"--reverse": "-r", "--numeric-sort": "-n", "--unique": "-u", "--key": "-k", "--field-separator": "-t", "--ignore-case": "-f",
			"--version-sort": "-V", "--stable": "-s", "--output": "-o", "--check": "-c", "--zero-terminated": "-z", "--month-sort": "-M", "--general-numeric-sort": "-g",
		}))
	}
	var reverse, unique bool
	key, separator := "", ""
	files, err := flags("sort", args, func(f *pflag.FlagSet) {
		f.BoolP("human-numeric-sort", "h", true, "sizes such as 2K and 1G")
		f.BoolVarP(&reverse, "reverse", "r", false, "the other way round")
		f.BoolVarP(&unique, "unique", "u", false, "each once")
		f.StringVarP(&key, "key", "k", "", "by that field")
		f.StringVarP(&separator, "field-separator", "t", "", "character between fields")
		f.BoolP("stable", "s", true, "accepted")
	})
	if err != nil {
		return err
	}
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
		order := cmp.Or(cmp.Compare(humanSize(fieldOf(a, separator, field)), humanSize(fieldOf(b, separator, field))), strings.Compare(a, b))
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

// shortOptions turns long options into the short ones that busybox has.
func shortOptions(args []string, short map[string]string) []string {
	var out []string
	for _, a := range args {
		name, value, given := strings.Cut(a, "=")
		s, ok := short[name]
		switch {
		case !ok:
			out = append(out, a)
		case given:
			out = append(out, s, value)
		case s != "":
			out = append(out, s)
		}
	}
	return out
}

// runDu gives busybox's du the long options of du(1).
func runDu(args []string) error {
	err := becomeBusybox("du", shortOptions(args, map[string]string{
		"--max-depth": "-d", "--human-readable": "-h", "--summarize": "-s", "--all": "-a", "--one-file-system": "-x", "--total": "-c",
		"--apparent-size": "-b", "--bytes": "-b",
	}))
	if errors.Is(err, errNoBusybox) {
		return fail(exitUsage, "%w", err)
	}
	return err
}

func runPrintenv(args []string) error {
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
