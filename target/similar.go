package target

import (
	"cmp"
	"slices"
	"strings"
)

const (
	maxSimilar  = 5 // names in a hint
	maxDistance = 2 // letters typed wrong
	leastShared = 3 // letters that a beginning must have to mean something
)

// similar returns the names that a person may have meant by ref, nearest first. A slip or two make
// ref of them, or they begin as most of ref does.
func similar(ref string, names []string) []string {
	type near struct {
		name     string
		distance int
	}
	ref = strings.ToLower(ref)
	var list []near
	for _, name := range names {
		lower := strings.ToLower(name)
		distance := editDistance(ref, lower)
		shared := commonPrefix(ref, lower)
		if distance <= min(maxDistance, (len(ref)-1)/2) || shared >= leastShared && 2*shared > len(ref) {
			list = append(list, near{name, distance})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var out []string
	for _, n := range list[:min(len(list), maxSimilar)] {
		out = append(out, n.name)
	}
	return out
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// editDistance is Levenshtein's: how many bytes to insert, remove or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := min(row[j]+1, row[j+1]+1, diagonal)
			if a[i] != b[j] {
				next = min(row[j], row[j+1], diagonal) + 1
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
