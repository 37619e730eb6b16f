package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/fault"
	"dlx/internal/printable"
	"dlx/record"
	"dlx/record/audit"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "show and verify the record of what was done to containers",
		Long: "The agent keeps a record of what it did to containers, and for whom: lines of JSON below " + stateDir(record.AuditDir) + ", each with the\n" +
			"digest of the one before it and a signature. docs/audit.md says what they prove.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditVerifyCommand(), a.auditShowCommand(), a.auditKeyCommand())
	return cmd
}

// stateDir is a directory of what outlives dlx.
func stateDir(name string) string {
	dir := os.Getenv("DLX_STATE_DIR")
	if dir == "" {
		dir = engine.DefaultState
	}
	return filepath.Join(dir, name)
}

// auditDir is the log that an argument names, or this machine's.
func auditDir(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return stateDir(record.AuditDir)
}

// atMostArgs wants no more than n arguments.
func atMostArgs(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return &usageError{fmt.Errorf("takes at most %d arguments, got %d", n, len(args))}
		}
		return nil
	}
}

type auditVerifyOptions struct {
	key, against, output string
	maxAge               time.Duration
	running              bool
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var o auditVerifyOptions
	cmd := &cobra.Command{
		Use:   "verify [DIR]",
		Short: "find every line of the record that was edited, removed, moved or cut off",
		Long: "Finds every line that was edited, removed, repeated, moved or cut off, and says where. Without --key only the log itself\n" +
			"vouches for its keys, and whoever could write all of it anew would not be found: `dlx audit key` prints the key that is to\n" +
			"be kept on another machine. Lines that a sink has got, as syslog's files have them, tell also of an end that was cut off.",
		Args: atMostArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.verifyAudit(auditDir(args), &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.key, "key", "", "the file of a key that the log has had")
	f.StringVar(&o.against, "against", "", "a file with lines that a sink has got; - is standard input")
	f.DurationVar(&o.maxAge, "max-age", 0, "how old the last entry may be, as in 20m")
	f.BoolVar(&o.running, "running", false, "the log was copied while it was written, so that no stop is at its end")
	outputFlag(cmd, &o.output)
	return cmd
}

func (a *app) verifyAudit(dir string, o *auditVerifyOptions) error {
	v := audit.VerifyOptions{MaxAge: o.maxAge, Now: time.Now(), Running: o.running}
	if o.key != "" {
		text, err := os.ReadFile(o.key)
		if err != nil {
			return fmt.Errorf("read the key: %w", err)
		}
		if v.Key, err = audit.ParsePublicKey(text); err != nil {
			return fmt.Errorf("%s: %w", o.key, err)
		}
	}
	switch o.against {
	case "":
	case "-":
		v.Against = a.stdin
	default:
		f, err := os.Open(o.against)
		if err != nil {
			return fmt.Errorf("read what was kept elsewhere: %w", err)
		}
		defer func() { _ = f.Close() }() // was only read
		v.Against = f
	}
	if err := a.giveUp("audit", ""); err != nil {
		return err
	}
	running, err := audit.Running(dir)
	if err != nil {
		return err
	}
	v.Running = v.Running || running
	report, err := audit.Verify(os.DirFS(dir), v)
	if err != nil {
		return err
	}
	if err := a.print(o.output, report, func() error { return a.printReport(report, v.Running) }); err != nil {
		return err
	}
	if !report.OK() {
		n := len(report.Findings) + report.More
		return fault.New(fault.BadLog, dir, "the audit log is not as it was written: %s", plural(n, "finding", "findings"))
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (a *app) printReport(r *audit.Report, running bool) error {
	for _, f := range r.Findings {
		if err := a.printf("%s\n", printable.Escape(f.String())); err != nil {
			return err
		}
	}
	for _, n := range r.Notes {
		if err := a.printf("note: %s\n", printable.Escape(n.String())); err != nil {
			return err
		}
	}
	if r.Entries == 0 {
		return nil
	}
	end := "not closed"
	switch {
	case running:
		end = "its writer runs"
	case r.Stopped:
		end = "closed"
	}
	trust := "the log itself, which proves nothing to who does not have the key from elsewhere"
	if r.Anchored > 0 {
		trust = fmt.Sprintf("the key that was given, from entry %d on", r.Anchored)
	}
	return a.printf("entries:  %d to %d in %s, the last of %s, %s\nepochs:   up to %d; sealed up to entry %d\nkey:      %s\ntrust by: %s\n",
		r.First, r.Last, plural(r.Files, "file", "files"), r.At.UTC().Format(time.RFC3339), end, r.Epoch, r.Sealed, r.Key, trust)
}

func (a *app) auditKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "key [DIR]",
		Short: "print the public key that the record is verified with",
		Long: "Prints the public key of the record's first epoch. It is no secret. Keep it on another machine, from when the record begins:\n" +
			"whoever has taken this one over can print another one.",
		Example: "  dlx audit key > web1.pub                       # once, when the agent is installed\n  dlx audit verify --key web1.pub /backup/web1/audit",
		Args:    atMostArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.giveUp("audit", ""); err != nil {
				return err
			}
			key, err := audit.FirstKey(os.DirFS(auditDir(args)))
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%w: there is no audit log in %s", err, auditDir(args))
			}
			if err != nil {
				return err
			}
			text, err := key.MarshalPEM()
			if err != nil {
				return err
			}
			a.notef("%s", key.ID())
			return a.printf("%s", text)
		},
	}
}
