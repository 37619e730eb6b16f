package applet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/itchyny/gojq"
	"github.com/spf13/pflag"
)

// jq is one run of the applet: jq(1)'s everyday flags, on the gojq library.
type jq struct {
	raw, compact, null, slurp, status, rawInput bool
	file                                        string
	names                                       []string
	values                                      []any
	last                                        any
	any                                         bool
}

func runJq(args []string) error {
	j := &jq{}
	args, err := j.takeArgs(args)
	if err != nil {
		return err
	}
	rest, err := flags("jq", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&j.raw, "raw-output", "r", false, "print strings without quotes")
		f.BoolVarP(&j.compact, "compact-output", "c", false, "one value a line")
		f.BoolVarP(&j.null, "null-input", "n", false, "read nothing")
		f.BoolVarP(&j.slurp, "slurp", "s", false, "read all values into one array")
		f.BoolVarP(&j.rawInput, "raw-input", "R", false, "read lines and not JSON")
		f.BoolVarP(&j.status, "exit-status", "e", false, "status 1 if the last value is false or null")
		f.StringVarP(&j.file, "from-file", "f", "", "take the filter from a file")
	})
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
	code, err := compile(query, j.names)
	if err != nil {
		return fail(3, "%w", err)
	}
	if err := j.inputs(rest, code); err != nil {
		return err
	}
	if j.status && (!j.any || j.last == nil || j.last == false) {
		return &exitError{code: 1}
	}
	return nil
}

// takeArgs takes --arg NAME VALUE and --argjson NAME JSON out, which have two values each.
func (j *jq) takeArgs(args []string) (rest []string, err error) {
	for len(args) > 0 {
		if args[0] != "--arg" && args[0] != "--argjson" {
			rest, args = append(rest, args[0]), args[1:]
			continue
		}
		if len(args) < 3 {
			return nil, fail(exitUsage, "%s takes a name and a value", args[0])
		}
		var value any = args[2]
		if args[0] == "--argjson" {
			if value, err = decode(json.NewDecoder(strings.NewReader(args[2]))); err != nil {
				return nil, fail(exitUsage, "--argjson %s: %w", args[1], err)
			}
		}
		j.names, j.values, args = append(j.names, "$"+args[1]), append(j.values, value), args[3:]
	}
	return rest, nil
}

func compile(query string, names []string) (*gojq.Code, error) {
	parsed, err := gojq.Parse(query)
	if err != nil {
		return nil, err
	}
	return gojq.Compile(parsed, gojq.WithVariables(names), gojq.WithEnvironLoader(os.Environ))
}

func (j *jq) inputs(files []string, code *gojq.Code) error {
	if j.null {
		return j.apply(code, nil)
	}
	var all []any
	err := each(files, func(_ string, r io.Reader) error {
		var next func() (any, error)
		if j.rawInput {
			data, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
			next = func() (any, error) {
				if len(lines) == 0 {
					return nil, io.EOF
				}
				line := lines[0]
				lines = lines[1:]
				return line, nil
			}
		} else {
			dec := json.NewDecoder(r)
			next = func() (any, error) { return decode(dec) }
		}
		for {
			v, err := next()
			switch {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return fail(exitUsage, "%w", err)
			case j.slurp:
				all = append(all, v)
			default:
				if err := j.apply(code, v); err != nil {
					return err
				}
			}
		}
	})
	if err == nil && j.slurp {
		err = j.apply(code, all)
	}
	return err
}

// decode keeps large numbers as they are.
func decode(dec *json.Decoder) (any, error) {
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

func (j *jq) apply(code *gojq.Code, input any) error {
	iter := code.Run(input, j.values...)
	for {
		v, ok := iter.Next()
		if !ok {
			return nil
		}
		if err, isErr := v.(error); isErr {
			return fail(5, "%w", err)
		}
		j.last, j.any = v, true
		if s, isString := v.(string); isString && j.raw {
			fmt.Println(s)
			continue
		}
		if err := j.print(v); err != nil {
			return err
		}
	}
}

func (j *jq) print(v any) error {
	data, err := gojq.Marshal(v)
	if err != nil {
		return err
	}
	if !j.compact {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(json.RawMessage(data)); err != nil {
			return err
		}
		data = []byte(strings.TrimSuffix(b.String(), "\n"))
	}
	_, err = fmt.Printf("%s\n", data)
	return err
}
