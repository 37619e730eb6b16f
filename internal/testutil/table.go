package testutil

import (
	"fmt"
	"os"
	"testing"
)

// Works runs a test of what dlx does on a runtime, and notes in the file $DLX_TEST_TABLE whether it
// works: a line with the runtime, what is done, and in which state, for scripts/test-runtimes.sh.
func Works(t *testing.T, verb, state string, f func(t *testing.T)) {
	t.Helper()
	works := t.Run(verb, f)
	path := os.Getenv("DLX_TEST_TABLE")
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(file, "%s\t%s\t%s\t%t\n", os.Getenv("DLX_TEST_RUNTIME"), verb, state, works)
	if cerr := file.Close(); err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
}
