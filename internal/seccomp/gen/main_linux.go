// Gen compiles Docker's default seccomp profile into the programs that package seccomp embeds, for
// each architecture and each set of capabilities, and writes the profile of an agent that is itself
// in a container. `make generate` runs it; the same inputs give the same bytes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/net/bpf"
)

func main() {
	out := flag.String("o", "internal/seccomp/programs", "folder to write the programs to, as ARCHITECTURE/VARIANT.bpf")
	agent := flag.String("agent", "deploy/seccomp.json", "file to write the agent's profile to")
	flag.Parse()
	if err := errors.Join(run(*out), writeAgent(*agent)); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	tables := map[string][]table{}
	var all []table
	for _, m := range machines {
		read, err := m.numbers()
		if err != nil {
			return err
		}
		tables[m.goarch] = read
		all = append(all, read...)
	}
	for _, m := range machines {
		for _, v := range variants {
			rules, err := v.rules(m.goarch)
			if err == nil {
				err = allKnown(all, rules)
			}
			if err != nil {
				return fmt.Errorf("evaluate the profile for %s on %s: %w", v.name, m.goarch, err)
			}
			program, err := compile(m.abis, tables[m.goarch], rules)
			if err == nil {
				err = write(filepath.Join(out, m.goarch, v.name+".bpf"), program)
			}
			if err != nil {
				return fmt.Errorf("compile %s for %s: %w", v.name, m.goarch, err)
			}
		}
	}
	return nil
}

// write assembles the program as an array of struct sock_filter; both architectures are
// little-endian.
func write(path string, program []bpf.Instruction) error {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	var data []byte
	for _, ins := range raw {
		data = append(data, byte(ins.Op), byte(ins.Op>>8), ins.Jt, ins.Jf,
			byte(ins.K), byte(ins.K>>8), byte(ins.K>>16), byte(ins.K>>24))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
