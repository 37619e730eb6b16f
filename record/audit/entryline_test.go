package audit_test

import (
	"encoding/json"
	"testing"

	"dlx/record/audit"
)

// FuzzParseLine: whatever an agent sends, what is read of it can be written again.
func FuzzParseLine(f *testing.F) {
	for _, line := range []string{`{"v":1,"kind":"begin","who":{"user":"alice"}}`, `{"v":2}`, `{}`, `null`, `{"v":1,"outcome":{"exit":1}}`, `{"v":1,"time":"x"}`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := audit.ParseLine(line)
		if err != nil {
			return
		}
		if _, err := json.Marshal(e); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	})
}
