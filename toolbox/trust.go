package toolbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dlx/fault"
	"dlx/internal/pemfile"
)

// Trust is the keys that toolboxes may be signed with. Several are trusted at once,
// so that one can replace another.
type Trust struct {
	keys    []*PublicKey
	names   map[string]string // the files that they are from, by their IDs
	revoked []*PublicKey      // that are trusted no longer, whatever else says so
}

// TrustedName and RevokedName are the folders of keys in a folder of dlx's configuration.
const (
	TrustedName = "trusted.d"
	RevokedName = "revoked.d"
)

// SystemConfig is the folder of the machine's configuration.
const SystemConfig = "/etc/dlx"

// Bounds of what is read of keys.
const (
	maxKeys    = 256
	maxKeyFile = 64 << 10 // bytes
)

// NewTrust trusts keys that the caller names.
func NewTrust(keys ...*PublicKey) *Trust {
	t := &Trust{names: map[string]string{}}
	for _, k := range keys {
		t.add(k, "")
	}
	return t
}

func (t *Trust) add(k *PublicKey, name string) {
	if _, known := t.names[k.ID()]; !known {
		t.keys = append(t.keys, k)
		t.names[k.ID()] = name
	}
}

// LoadTrust reads the keys in folders of configuration, such as the machine's and the user's:
// trusted.d/*.pub and revoked.d/*.pub. A missing folder has no keys. Folders, their files and the
// folders above have to belong to root or to who runs dlx, and nobody else may write there.
// Otherwise it is an error: the keys could be anybody's.
func LoadTrust(configs ...string) (*Trust, error) {
	t := NewTrust()
	for _, dir := range configs {
		for _, folder := range []string{TrustedName, RevokedName} {
			err := readKeys(filepath.Join(dir, folder), func(k *PublicKey, file string) {
				if folder == RevokedName {
					t.revoked = append(t.revoked, k)
				} else {
					t.add(k, file)
				}
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// readKeys reads the keys of a folder.
func readKeys(dir string, each func(k *PublicKey, file string)) error {
	err := CheckOwners(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read trusted keys: %w", err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read trusted keys: %w", err)
	}
	for i, n := range names {
		if !strings.HasSuffix(n.Name(), ".pub") {
			continue
		}
		if i >= maxKeys {
			return fmt.Errorf("read trusted keys: more than %d in %s", maxKeys, dir)
		}
		file := filepath.Join(dir, n.Name())
		if err := CheckOwners(file); err != nil {
			return fmt.Errorf("read trusted keys: %w", err)
		}
		k, err := ReadPublicKey(file)
		if err != nil {
			return err
		}
		each(k, file)
	}
	return nil
}

// writable reports a key file, or a folder on the way to one, that others could have written.
func writable(name string) error {
	return fault.New(fault.Writable, name, "%s can be written by others than its owner: it is not trusted", name)
}

// ReadPublicKey reads the key of a file.
func ReadPublicKey(name string) (*PublicKey, error) {
	text, err := pemfile.Read(name, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	k, err := ParsePublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return k, nil
}

// ReadPrivateKey reads the key of a file that only its owner can read.
func ReadPrivateKey(name string) (*PrivateKey, error) {
	text, err := pemfile.ReadSecret(name, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	k, err := ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return k, nil
}

// name is what a key is called: its file's name, or its ID.
func (t *Trust) name(k *PublicKey) string {
	if file := t.names[k.ID()]; file != "" {
		return strings.TrimSuffix(filepath.Base(file), ".pub")
	}
	return k.ID()
}

// Revoke takes trust from a key.
func (t *Trust) Revoke(k *PublicKey) { t.revoked = append(t.revoked, k) }

func (t *Trust) isRevoked(k *PublicKey) bool {
	return slices.ContainsFunc(t.revoked, func(r *PublicKey) bool { return r.ID() == k.ID() })
}

// active are the keys that are not revoked.
func (t *Trust) active() []*PublicKey { return slices.DeleteFunc(slices.Clone(t.keys), t.isRevoked) }
