package replay

import (
	"fmt"
	"slices"
	"strings"

	"dlx/capture/filter"
	"dlx/capture/pcapng"
)

// Filter decides which packets of a file match an expression.
// It makes a program for each link type that comes.
type Filter struct {
	expr     string
	names    filter.Names
	programs map[uint16]*filter.Program // nil where there can be none
	errs     map[uint16]error
	skipped  map[uint16]int
	matched  bool
}

// NewFilter makes a filter; an empty expression matches everything. What can not be compiled for
// any link type is an *filter.Error.
func NewFilter(expr string, names filter.Names) (*Filter, error) {
	f := &Filter{expr: expr, names: names, programs: map[uint16]*filter.Program{}, errs: map[uint16]error{}, skipped: map[uint16]int{}}
	if _, err := filter.Parse(expr); err != nil && strings.TrimSpace(expr) != "" {
		return nil, err
	}
	return f, nil
}

// maxLinkTypes bounds the programs of one file.
const maxLinkTypes = 64

// Match says whether a packet of an interface matches.
func (f *Filter) Match(p *pcapng.Packet, link uint16) bool {
	if strings.TrimSpace(f.expr) == "" {
		return true
	}
	program, known := f.programs[link]
	if !known && len(f.programs) < maxLinkTypes {
		var err error
		program, err = filter.Compile(f.expr, filter.Options{Link: filter.LinkType(link), Names: f.names})
		if err != nil {
			program, f.errs[link] = nil, err
		}
		f.programs[link] = program
	}
	if program == nil {
		f.skipped[link]++
		return false
	}
	f.matched = true
	return program.Match(p.Data, p.Length) > 0
}

// Err is why packets were left out, because the expression makes no sense for their link type.
// Where that is so of all of them, it is an error; else it is for the notes.
func (f *Filter) Err() (notes []string, err error) {
	var links []uint16
	for link := range f.errs {
		links = append(links, link)
	}
	slices.Sort(links)
	for _, link := range links {
		if !f.matched {
			return nil, f.errs[link]
		}
		notes = append(notes, fmt.Sprintf("%d packets of link type %s are left out: %v", f.skipped[link], filter.LinkType(link), f.errs[link]))
	}
	return notes, nil
}
