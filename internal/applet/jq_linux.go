package applet

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/itchyny/gojq"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// jq is one run of the applet: jq(1)'s everyday flags, on the gojq library.
type jq struct {
	raw, join, zero, null, slurp, status, rawInput, stream bool
	rest, restJSON                                         bool
	file                                                   string
	modules                                                []string

	style  jsonStyle
	in     *jqInputs
	names  []string
	values []any
	named  map[string]any
	last   any
	any    bool
	failed error
}

func runJq(args []string) error {
	j := &jq{style: jsonStyle{indent: "  ", color: term.IsTerminal(1) && os.Getenv("NO_COLOR") == ""}, named: map[string]any{}}
	args, err := j.takeArgs(args)
	if err != nil {
		return err
	}
	rest, err := flags("jq", args, j.define)
	if err != nil {
		return err
	}
	query := "."
	switch {
	case j.file != "":
		data, err := os.ReadFile(j.file)
		if err != nil {
			return fail(exitUsage, "%w", err)
		}
		query = string(data)
	case len(rest) > 0:
		query, rest = rest[0], rest[1:]
	}
	files, err := j.positional(rest)
	if err != nil {
		return err
	}
	j.in = &jqInputs{files: files, raw: j.rawInput, slurp: j.slurp, stream: j.stream}
	code, err := j.compile(query)
	if err != nil {
		return fail(3, "compile: %w", err)
	}
	return j.run(code)
}

func (j *jq) define(f *pflag.FlagSet) {
	indent := func(text string) func(string) error {
		return func(string) error {
			j.style.indent = text
			return nil
		}
	}
	f.BoolVarP(&j.raw, "raw-output", "r", false, "print strings without quotes")
	f.BoolVarP(&j.join, "join-output", "j", false, "the same, and no line ends")
	f.BoolVar(&j.zero, "raw-output0", false, "the same, and a zero byte after each")
	f.BoolVarP(&j.style.ascii, "ascii-output", "a", false, "escape what is not ASCII")
	f.BoolFuncP("compact-output", "c", "one value a line", indent(""))
	f.BoolFunc("tab", "indent by tabs", indent("\t"))
	f.Func("indent", "indent by so many spaces, at most 7", j.setIndent)
	f.BoolP("sort-keys", "S", true, "keys in order, which they always are")
	f.BoolVarP(&j.style.color, "color-output", "C", j.style.color, "colors (default: on a terminal)")
	f.BoolFuncP("monochrome-output", "M", "no colors", func(string) error {
		j.style.color = false
		return nil
	})
	f.BoolVarP(&j.null, "null-input", "n", false, "read nothing but what input and inputs ask for")
	f.BoolVarP(&j.slurp, "slurp", "s", false, "read all values into one array")
	f.BoolVarP(&j.rawInput, "raw-input", "R", false, "read lines and not JSON")
	f.BoolVar(&j.stream, "stream", false, "read paths and leaves")
	f.BoolVarP(&j.status, "exit-status", "e", false, "status 1 if the last value is false or null, 4 if there is none")
	f.StringVarP(&j.file, "from-file", "f", "", "take the filter from a file")
	f.StringArrayVarP(&j.modules, "library-path", "L", nil, "look for modules there")
	f.Bool("unbuffered", false, "accepted: output is written value by value")
	f.BoolVar(&j.rest, "args", false, "what follows the filter are strings in $ARGS.positional")
	f.BoolVar(&j.restJSON, "jsonargs", false, "what follows the filter is JSON in $ARGS.positional")
	for _, name := range []string{"arg", "argjson", "slurpfile", "rawfile"} {
		f.String(name, "", map[string]string{
			"arg": "NAME VALUE: $NAME is a string", "argjson": "NAME JSON: $NAME is JSON",
			"slurpfile": "NAME FILE: $NAME is the array of a file's values", "rawfile": "NAME FILE: $NAME is a file's text",
		}[name])
	}
}

func (j *jq) setIndent(n string) error {
	if len(n) != 1 || n[0] < '0' || n[0] > '7' {
		return errors.New("cannot indent less than zero or more than seven")
	}
	j.style.indent = strings.Repeat(" ", int(n[0]-'0'))
	return nil
}

// takeArgs takes --arg NAME VALUE and its relatives out, which have two values each.
func (j *jq) takeArgs(args []string) (rest []string, err error) {
	for len(args) > 0 {
		option := args[0]
		if option == "--" {
			return append(rest, args...), nil
		}
		if option != "--arg" && option != "--argjson" && option != "--slurpfile" && option != "--rawfile" {
			rest, args = append(rest, option), args[1:]
			continue
		}
		if len(args) < 3 {
			return nil, fail(exitUsage, "%s takes two parameters (e.g. %s name value)", option, option)
		}
		value, err := argValue(option, args[2])
		if err != nil {
			return nil, fail(exitUsage, "%s %s: %w", option, args[1], err)
		}
		if _, known := j.named[args[1]]; !known { // the first counts
			j.names, j.values = append(j.names, "$"+args[1]), append(j.values, value)
			j.named[args[1]] = value
		}
		args = args[3:]
	}
	return rest, nil
}

func argValue(option, text string) (any, error) {
	switch option {
	case "--arg":
		return text, nil
	case "--argjson":
		return parseJSON(text)
	}
	data, err := os.ReadFile(text)
	if err != nil || option == "--rawfile" {
		return string(data), err
	}
	all := []any{}
	for values := newJSONReader(strings.NewReader(string(data))); ; {
		v, err := values.next()
		if v == nil && errors.Is(err, errNoMore) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
}

// positional makes $ARGS; it returns the files.
func (j *jq) positional(rest []string) (files []string, err error) {
	values := []any{}
	for _, text := range rest {
		switch {
		case j.restJSON:
			v, err := parseJSON(text)
			if err != nil {
				return nil, fail(exitUsage, "invalid JSON text passed to --jsonargs: %w", err)
			}
			values = append(values, v)
		case j.rest:
			values = append(values, text)
		default:
			files = append(files, text)
		}
	}
	j.names = append(j.names, "$ARGS")
	j.values = append(j.values, map[string]any{"named": j.named, "positional": values})
	return files, nil
}

func (j *jq) compile(query string) (*gojq.Code, error) {
	parsed, err := gojq.Parse(query)
	if err != nil {
		return nil, err
	}
	return gojq.Compile(parsed, gojq.WithVariables(j.names), gojq.WithEnvironLoader(os.Environ), gojq.WithInputIter(j.in),
		gojq.WithModuleLoader(gojq.NewModuleLoader(j.modules)),
		gojq.WithFunction("input_filename", 0, 0, func(any, []any) any { return j.in.filename() }),
		gojq.WithFunction("debug", 0, 0, func(v any, _ []any) any {
			fmt.Fprintln(os.Stderr, jsonStyle{}.text([]any{"DEBUG:", v}))
			return v
		}),
		gojq.WithFunction("stderr", 0, 0, func(v any, _ []any) any {
			fmt.Fprint(os.Stderr, jsonStyle{}.text(v))
			return v
		}))
}

// run applies the filter to every input. An error is told and the next input is taken, as in jq; the status is 5 then.
func (j *jq) run(code *gojq.Code) error {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for first := true; ; first = false {
		var v any
		if !j.null {
			var ok bool
			if v, ok = j.in.Next(); !ok {
				break
			}
			if err, bad := v.(error); bad {
				return fail(exitUsage, "error (at %s): %w", j.in.where(), err)
			}
		} else if !first {
			break
		}
		if err := j.apply(out, code, v); err != nil {
			return err
		}
	}
	switch {
	case j.failed != nil:
		return j.failed
	case j.status && !j.any:
		return &exitError{code: 4}
	case j.status && (j.last == nil || j.last == false):
		return &exitError{code: 1}
	}
	return nil
}

func (j *jq) apply(out *bufio.Writer, code *gojq.Code, input any) error {
	iter := code.Run(input, j.values...)
	for {
		v, ok := iter.Next()
		if !ok {
			return out.Flush()
		}
		err, isErr := v.(error)
		if halt, halted := errors.AsType[*gojq.HaltError](err); isErr && halted {
			return j.halt(halt)
		}
		if isErr {
			if j.failed != nil {
				_ = status("jq", j.failed)
			}
			j.failed = fail(5, "error (at %s): %w", j.in.where(), err)
			return out.Flush()
		}
		j.last, j.any = v, true
		j.print(out, v)
		if err := out.Flush(); err != nil { // it keeps what went wrong while writing
			return err
		}
	}
}

// halt is what halt and halt_error do: the value on standard error, a string as it is.
func (j *jq) halt(h *gojq.HaltError) error {
	if s, isString := h.Value().(string); isString {
		fmt.Fprint(os.Stderr, s)
	} else if h.ExitCode() != 0 {
		fmt.Fprintln(os.Stderr, jsonStyle{}.text(h.Value()))
	}
	if h.ExitCode() == 0 {
		return nil
	}
	return &exitError{code: h.ExitCode()}
}

func (j *jq) print(out *bufio.Writer, v any) {
	end := "\n"
	switch {
	case j.join:
		end = ""
	case j.zero:
		end = "\x00"
	}
	if s, isString := v.(string); isString && (j.raw || j.join || j.zero) && !j.style.ascii {
		_, _ = out.WriteString(s + end)
		return
	}
	_, _ = out.WriteString(j.style.text(v) + end)
}
