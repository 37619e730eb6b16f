package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dlx/agent/identity"
	"dlx/agent/pki"
	"dlx/internal/outfile"
)

// issueOptions are the flags of `dlx agent pki issue`.
type issueOptions struct {
	host, replace bool
	days          int
	to            string
}

func (a *app) pkiIssueCommand(o *pkiOptions) *cobra.Command {
	var i issueOptions
	cmd := &cobra.Command{
		Use:   "issue {USER | --host NAME|ADDRESS...}",
		Short: "make a certificate for a user, or for a host's agent",
		Long: "Makes NAME.crt and NAME.key. A user's name has letters, digits and ._-@, and is what agents know the user by. A host's\n" +
			"certificate has the names and addresses that users connect to. The key is not kept: whoever has the file is the user.",
		Example: "  dlx agent pki issue alice\n  dlx agent pki issue --host node1.example.org 192.0.2.7",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || !i.host && len(args) > 1 {
				return &usageError{errors.New("takes the name of one user, or --host and names")}
			}
			return a.issueCertificate(o, &i, args)
		},
	}
	cmd.Flags().BoolVar(&i.host, "host", false, "for the agent of a host")
	cmd.Flags().IntVar(&i.days, "days", 0, "how long it is valid for (default: 30 for a user, 90 for a host)")
	cmd.Flags().StringVar(&i.to, "to", ".", "the folder to put the files in")
	cmd.Flags().BoolVar(&i.replace, "replace", false, "replace files that are there")
	outputFlag(cmd, &o.output)
	return cmd
}

func (a *app) issueCertificate(o *pkiOptions, i *issueOptions, names []string) error {
	if err := i.check(names); err != nil {
		return err
	}
	ca, err := o.open()
	if err != nil {
		return err
	}
	name := filepath.Join(i.to, strings.ReplaceAll(names[0], ":", "-")) // of an IPv6 address, for Windows
	if !i.replace {
		for _, suffix := range []string{".key", ".crt"} { // before one is issued for nothing
			if _, err := os.Lstat(name + suffix); err == nil {
				return &fs.PathError{Op: "write", Path: name + suffix, Err: fs.ErrExist}
			}
		}
	}
	issued, err := i.issue(ca, names)
	if err != nil {
		return err
	}
	if err := makeFile(name+".key", nil, func() error { return writeIssued(name, issued, i.replace) }); err != nil {
		_, rerr := ca.Revoke(issued.Number) // nobody has it
		return errors.Join(err, rerr)
	}
	a.notef("%s.crt and %s.key are for %s, with %s; keep %s.key secret", name, name, strings.Join(issued.Names, ", "), ca.CertFile(), name)
	return a.printRecords(o.output, []pki.Record{issued.Record})
}

// check wants names that a certificate can have.
func (i *issueOptions) check(names []string) error {
	if i.days < 0 {
		return &usageError{errors.New("--days is a number above zero")}
	}
	if i.host {
		return nil
	}
	if err := identity.CheckName(names[0]); err != nil {
		return &usageError{err}
	}
	return nil
}

func (i *issueOptions) issue(ca *pki.CA, names []string) (*pki.Issued, error) {
	if !i.host {
		return ca.IssueClient(names[0], days(i.days))
	}
	var hosts []string
	var addresses []netip.Addr
	for _, n := range names {
		if ip, err := netip.ParseAddr(n); err == nil {
			addresses = append(addresses, ip)
		} else {
			hosts = append(hosts, strings.ToLower(n))
		}
	}
	return ca.IssueServer(hosts, addresses, days(i.days))
}

// writeIssued makes the files of a certificate, the key first: an agent that reads them meanwhile
// keeps the former ones until both fit.
func writeIssued(name string, issued *pki.Issued, replace bool) error {
	err := outfile.In(name, func(d *outfile.Dir, base string) error {
		write := d.New
		if replace {
			write = func(name string, perm fs.FileMode, data []byte) error {
				return d.Replace(name, perm, func(w io.Writer) error {
					_, err := w.Write(data)
					return err
				})
			}
		}
		if err := write(base+".key", 0o600, issued.Key); err != nil {
			return err
		}
		if err := write(base+".crt", 0o644, issued.Cert); err != nil {
			return errors.Join(err, d.Remove(base+".key")) // which no certificate fits any more
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write the certificate: %w", err)
	}
	return nil
}
