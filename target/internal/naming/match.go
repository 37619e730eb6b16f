package naming

import (
	"dlx/fault"
	"dlx/target"
	"errors"
	"strings"
	"time"
)

// Candidate is a container that a name may mean.
type Candidate struct {
	ID      string // "": it can not be asked for, and no name means it
	Name    string // "": it has none but its ID
	Place   string // "": no other one is made in its place
	Live    bool
	Created time.Time
}

// Matching returns, by their indexes, the candidates of that name or ID or, if there is none, those
// whose names or IDs begin with it. What was made anew in the same place has the name alone: there
// the name means the one with a process, or else the latest.
func Matching(all []Candidate, name string) (hits []int) {
	old := superseded(all)
	exact := false
	for i, c := range all {
		if !Plain(c.ID) {
			continue
		}
		names := []string{c.ID}
		if Plain(c.Name) && !old[i] {
			names = append(names, c.Name)
		}
		whole, begins := false, false
		for _, n := range names {
			whole = whole || n == name
			begins = begins || strings.HasPrefix(n, name)
		}
		switch {
		case whole && !exact:
			hits, exact = []int{i}, true
		case whole, begins && !exact:
			hits = append(hits, i)
		}
	}
	return hits
}

// superseded are the earlier ones of the containers that Kubernetes makes of one in a pod.
func superseded(all []Candidate) map[int]bool {
	latest, old := map[string]int{}, map[int]bool{}
	for i, c := range all {
		if c.Place == "" {
			continue
		}
		other, ok := latest[c.Place]
		switch {
		case !ok:
			latest[c.Place] = i
		case c.after(&all[other]):
			latest[c.Place], old[other] = i, true
		default:
			old[i] = true
		}
	}
	return old
}

func (c *Candidate) after(other *Candidate) bool {
	if c.Live != other.Live {
		return c.Live
	}
	return c.Created.After(other.Created)
}

// Found is what Find returns of hits: of a single one all that inspect tells, unless it is gone
// meanwhile, of others what they are known by. listed is the error beside their list.
func Found[T any](hits []T, listed error, inspect func(T) (*target.Info, error), known func(T) target.Info) (list []target.Info, err error) {
	if len(hits) == 1 {
		info, err := inspect(hits[0])
		switch {
		case errors.Is(err, fault.NotFound): // since the list
			return nil, listed
		case err != nil:
			return nil, err
		}
		return []target.Info{*info}, listed
	}
	for _, h := range hits {
		list = append(list, known(h))
	}
	return list, listed
}
