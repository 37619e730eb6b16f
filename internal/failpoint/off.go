//go:build !failpoints

package failpoint

// On says whether there are points.
const On = false

// At marks a point.
func At(string) {}

// Environ is what another process of dlx's has to know.
func Environ() []string { return nil }

// In says which processes are to be ended before a step of a plan.
func In(step string, alone bool) Victims { return Victims{} }
