package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"dlx/internal/testutil"
)

// TestSettingsTable: docs/operating.md has every setting of an agent, with its variable.
func TestSettingsTable(t *testing.T) {
	flags := newAgentFlags()
	table := agentTable(flags)
	var b strings.Builder
	b.WriteString("| key, and flag with `--` | variable | default | is |\n| --- | --- | --- | --- |\n")
	flags.VisitAll(func(f *pflag.Flag) {
		def := ""
		if f.DefValue != "" {
			def = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", f.Name, table.Variable(f.Name), def, strings.ReplaceAll(f.Usage, "`", ""))
	})
	testutil.Section(t, "docs/operating.md", "settings", b.String())
}
