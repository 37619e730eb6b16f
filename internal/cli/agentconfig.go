package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"dlx/agent/settings"
	"dlx/internal/printable"
	"dlx/internal/strictyaml"
	"dlx/toolbox"
)

func (a *app) agentConfigCommand() *cobra.Command {
	var o agentOptions
	var output string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "print what an agent would be set to, and where each value comes from",
		Long: "Each setting of `dlx agent` is a key of the file, a variable " + agentPrefix + "NAME and a flag, of which the later ones go first.\n" +
			"With -o yaml it is a file that says the same.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runAgentConfig(cmd, &o, output) },
	}
	o.flags(cmd.Flags())
	cmd.Flags().StringVar(&o.config, "config", "", "the file of settings; "+defaultConfig+" if it is there")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or yaml")
	mustComplete(cmd, "output", "table", "json", "yaml")
	cmd.AddCommand(a.agentConfigCheckCommand())
	return cmd
}

func (a *app) agentConfigCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "say all that is wrong in an agent's file of settings",
		Args:  exactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return a.checkAgentConfig(args[0]) },
	}
}

// setting is a value as it is printed.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

func (a *app) runAgentConfig(cmd *cobra.Command, o *agentOptions, output string) error {
	values, strangers, err := a.loadAgent(o, cmd.Flags())
	if err != nil {
		return err
	}
	for _, name := range strangers {
		a.notef("%s is no setting", name)
	}
	if output == "yaml" {
		return a.printYAML(values)
	}
	list := make([]setting, len(values))
	for i, v := range values {
		list[i] = setting{v.Name, v.Value, v.Where}
	}
	return a.print(output, list, func() error {
		t := a.table("SETTING", "VALUE", "FROM")
		for _, s := range list {
			t.row([]string{s.Name, orDash(s.Value), s.From})
		}
		return t.flush()
	})
}

// printYAML prints a file that says what holds. Text is quoted as JSON has it, which is YAML too.
func (a *app) printYAML(values []settings.Value) error {
	if err := a.printf("version: 1\n"); err != nil {
		return err
	}
	for _, v := range values {
		line := "# " + v.Name + " is not set"
		if v.Value != "" {
			text := v.Value
			if !v.Bool {
				quoted, err := json.Marshal(text)
				if err != nil {
					return err
				}
				text = string(printable.JSON(quoted))
			}
			line = fmt.Sprintf("%s: %s # %s", v.Name, text, v.Where)
		}
		if err := a.linef("%s", line); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) checkAgentConfig(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // was only read
	data, err := io.ReadAll(io.LimitReader(f, strictyaml.MaxSize+1))
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	values, _, err := agentTable(newAgentFlags()).Load(file, data, nil)
	if list, ok := errors.AsType[strictyaml.Errors](err); ok {
		return a.mistakes(list, "configuration "+file)
	}
	if err != nil {
		return err
	}
	if err := toolbox.CheckOwners(file); err != nil {
		a.notef("an agent would not take it from here: %v", err)
	}
	set := 0
	for _, v := range values {
		if v.From == settings.File {
			set++
		}
	}
	return a.printf("%s: %d settings\n", printable.Escape(file), set)
}
