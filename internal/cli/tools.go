package cli

import (
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"dlx/internal/applet/roster"
	"dlx/toolbox"
)

func (a *app) toolsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "tools [NAME|WORD]",
		Short: "list the tools that a session has, by what they are for",
		Long: "Lists the tools of the toolbox that comes with dlx: all of them, one by its name, or those for something, such as\n" +
			"`dlx tools network` or `dlx tools certificates`. In a session, `tools` lists what is there, other toolboxes included.",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			box, err := toolbox.Default()
			if err != nil {
				return err
			}
			var names []string
			for _, f := range box.Manifest().Files {
				if dir, name := path.Split(f.Path); dir == "bin/" {
					names = append(names, name)
				}
			}
			var out strings.Builder
			word := strings.Join(args, "")
			if !roster.Print(&out, names, word) {
				return fmt.Errorf("nothing in the toolbox is called %q, or is for it", word)
			}
			return a.printf("%s", out.String())
		},
	}
}
