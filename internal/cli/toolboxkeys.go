package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"dlx/internal/outfile"
	"dlx/toolbox"
)

func (a *app) toolboxKeygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen NAME",
		Short: "make a key to sign toolboxes with: NAME.key, to be kept secret, and NAME.pub",
		Long: "Makes an Ed25519 key. NAME.key signs, and whoever has it can; NAME.pub goes into " + toolbox.SystemConfig + "/" + toolbox.TrustedName + "\n" +
			"of the machines that are to take what it signs. Files that are there are never overwritten.",
		Args: exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := toolbox.GenerateKey()
			if err != nil {
				return err
			}
			public, err := key.Public()
			if err != nil {
				return err
			}
			secret, err := key.MarshalPEM()
			if err != nil {
				return err
			}
			open, err := public.MarshalPEM()
			if err != nil {
				return err
			}
			if err := makeFile(args[0]+".key", nil, func() error { return writeKeys(args[0], secret, open) }); err != nil {
				return err
			}
			a.notef("%s.key signs toolboxes: keep it secret; %s.pub is for %s/%s", args[0], args[0], toolbox.SystemConfig, toolbox.TrustedName)
			return a.printf("%s\n", public.ID())
		},
	}
}

// writeKeys makes the files of a key, which are not there yet.
func writeKeys(name string, secret, open []byte) error {
	err := outfile.In(name, func(d *outfile.Dir, base string) error {
		if err := d.New(base+".key", 0o600, secret); err != nil {
			return err
		}
		if err := d.New(base+".pub", 0o644, open); err != nil {
			return errors.Join(err, d.Remove(base+".key"))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	return nil
}

func (a *app) toolboxSignCommand() *cobra.Command {
	var keys []string
	var cosign string
	cmd := &cobra.Command{
		Use:   "sign FILE|FOLDER {--key NAME.key | --cosign SIGNATURE}",
		Short: "sign a toolbox's manifest, beside the signatures that it has",
		Long: "Signs a toolbox's manifest, beside the signatures that it has. With --cosign it takes along what `cosign sign-blob --key`\n" +
			"made of manifest.json, a bundle or a bare signature; `dlx toolbox verify --key cosign.pub` says whether it is good.",
		Args: exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(keys) == 0 && cosign == "" {
				return &usageError{errors.New("no --key given, nor --cosign")}
			}
			return a.signToolbox(args[0], keys, cosign)
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "sign with the key of this file; can be given more than once")
	cmd.Flags().StringVar(&cosign, "cosign", "", "add the signature in this file, which cosign made")
	return cmd
}

func readPrivateKeys(files []string) (keys []*toolbox.PrivateKey, err error) {
	for _, f := range files {
		k, err := toolbox.ReadPrivateKey(f)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// signToolbox signs a toolbox with the keys of files, and takes a signature of cosign's along, if
// cosign names one.
func (a *app) signToolbox(name string, files []string, cosign string) error {
	keys, err := readPrivateKeys(files)
	if err != nil {
		return err
	}
	var made []byte
	if cosign != "" {
		if made, err = toolbox.ReadCosign(cosign); err != nil {
			return err
		}
	}
	b, err := toolbox.Open(name)
	if err != nil {
		return err
	}
	// What nobody would take is not signed.
	v, err := toolbox.Inspect(b)
	if err == nil {
		err = v.CheckBytes()
	}
	if err == nil && made != nil {
		err = b.AddCosign(made)
	}
	if err == nil && len(keys) > 0 {
		err = b.Sign(keys...)
	}
	if err != nil {
		return err
	}
	if err := makeFile(name, nil, func() error { return b.SaveSignature(name) }); err != nil {
		return err
	}
	for _, k := range keys {
		p, err := k.Public()
		if err != nil {
			return err
		}
		a.notef("%s signed with %s", b.Manifest().Title(), p.ID())
	}
	if made != nil {
		a.notef("%s has cosign's signature; `dlx toolbox verify --key cosign.pub` checks it", b.Manifest().Title())
	}
	return nil
}
