package toolbox_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dlx/fault"
	"dlx/toolbox"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// keyPair is a new key and its public half.
func keyPair(t testing.TB) (*toolbox.PrivateKey, *toolbox.PublicKey) {
	t.Helper()
	k, err := toolbox.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.Public()
	if err != nil {
		t.Fatal(err)
	}
	return k, p
}

// signed is a small bundle that keys have signed.
func signed(t testing.TB, p *parts, keys ...*toolbox.PrivateKey) *toolbox.Bundle {
	t.Helper()
	b := p.bundle(t)
	if err := b.Sign(keys...); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSignature tampers with a signed bundle in just one way each.
func TestSignature(t *testing.T) {
	key, public := keyPair(t)
	other, otherPublic := keyPair(t)
	expired := good()
	expired.m.NotAfter = now.Add(-time.Second)
	lasting := good()
	lasting.m.NotAfter = now.Add(time.Second)
	envelopeOf := func(p *parts) []byte { return signed(t, p, key).Envelope() }
	foreign := good()
	foreign.m.Version = "2"
	revoked := toolbox.NewTrust(public)
	revoked.Revoke(public)
	rotated := toolbox.NewTrust(otherPublic)
	rotated.Revoke(public)
	seen, err := toolbox.OpenSeen(filepath.Join(t.TempDir(), "seen.json"))
	if err != nil {
		t.Fatal(err)
	}
	newer := good()
	newer.m.Sequence = 8
	if err := seen.Record(verified(t, newer)); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		trust *toolbox.Trust
		b     *toolbox.Bundle
		seen  *toolbox.Seen
		want  error
	}{
		"good":                       {toolbox.NewTrust(public), signed(t, good(), key), nil, nil},
		"two trusted keys":           {toolbox.NewTrust(otherPublic, public), signed(t, good(), key), nil, nil},
		"signed twice, one known":    {toolbox.NewTrust(otherPublic), signed(t, good(), key, other), nil, nil},
		"signed twice, one revoked":  {rotated, signed(t, good(), key, other), nil, nil},
		"lasting":                    {toolbox.NewTrust(public), signed(t, lasting, key), nil, nil},
		"unsigned":                   {toolbox.NewTrust(public), good().bundle(t), nil, toolbox.ErrUnsigned},
		"nobody is trusted":          {toolbox.NewTrust(), signed(t, good(), key), nil, toolbox.ErrUnknownKey},
		"unknown key":                {toolbox.NewTrust(otherPublic), signed(t, good(), key), nil, toolbox.ErrUnknownKey},
		"revoked key":                {revoked, signed(t, good(), key), nil, toolbox.ErrRevokedKey},
		"revoked key, not trusted":   {rotated, signed(t, good(), key), nil, toolbox.ErrRevokedKey},
		"envelope of another bundle": {toolbox.NewTrust(public), with(good().bundle(t), envelopeOf(foreign)), nil, toolbox.ErrOtherPayload},
		"no envelope":                {toolbox.NewTrust(public), with(good().bundle(t), []byte("{}")), nil, toolbox.ErrOtherPayload},
		"forged key ID":              {toolbox.NewTrust(public), with(good().bundle(t), forge(t, signed(t, good(), other).Envelope(), public.ID())), nil, toolbox.ErrUnknownKey},
		"expired":                    {toolbox.NewTrust(public), signed(t, expired, key), nil, toolbox.ErrExpired},
		"older":                      {toolbox.NewTrust(public), signed(t, good(), key), seen, toolbox.ErrOlder},
		"the same again":             {toolbox.NewTrust(public), signed(t, newer, key), seen, nil},
	}
	for name, tt := range tests {
		policy := toolbox.Policy{Trust: tt.trust, Now: now, Seen: tt.seen}
		_, err := policy.Verify(tt.b)
		if !errors.Is(err, tt.want) || tt.want != nil && !errors.Is(err, fault.ToolboxRefused) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
}

func with(b *toolbox.Bundle, envelope []byte) *toolbox.Bundle {
	b.SetEnvelope(envelope)
	return b
}

// forge has an envelope say that it is somebody else's.
func forge(t *testing.T, envelope []byte, id string) []byte {
	t.Helper()
	var e toolbox.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		t.Fatal(err)
	}
	e.Signatures[0].KeyID = id
	out, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCosign takes what `cosign sign-blob --key` writes: an ECDSA signature of the manifest, alone
// or in a bundle.
func TestCosign(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public, err := toolbox.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	b := good().bundle(t)
	sum := sha256.Sum256(b.RawManifest())
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(sig)
	policy := toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now}
	for name, file := range map[string]string{
		"signature": text + "\n", "bundle": fmt.Sprintf(`{"base64Signature":%q,"cert":""}`, text), "new bundle": fmt.Sprintf(`{"messageSignature":{"signature":%q}}`, text),
	} {
		b.SetCosign([]byte(file))
		again, err := toolbox.ReadBundle(archive(t, b))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := policy.Verify(again); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := good()
	other.m.Version = "2"
	bundleOf := func(manifest []byte) string {
		sum := sha256.Sum256(manifest)
		return fmt.Sprintf(`{"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":%q},"signature":%q}}`, base64.StdEncoding.EncodeToString(sum[:]), text)
	}
	for name, tt := range map[string]struct {
		b    *toolbox.Bundle
		file string
		want error
	}{
		"of another manifest":                   {other.bundle(t), text, toolbox.ErrUnknownKey},
		"bundle of another manifest":            {other.bundle(t), bundleOf(b.RawManifest()), toolbox.ErrOtherPayload},
		"bundle that says it is of this one":    {other.bundle(t), bundleOf(other.bundle(t).RawManifest()), toolbox.ErrUnknownKey},
		"bundle that says it is of another one": {good().bundle(t), bundleOf(other.bundle(t).RawManifest()), toolbox.ErrOtherPayload},
		"attestation":                           {good().bundle(t), `{"dsseEnvelope":{"payload":"e30="}}`, toolbox.ErrOtherPayload},
		"no base64":                             {good().bundle(t), "%", toolbox.ErrOtherPayload},
		"nothing":                               {good().bundle(t), "{}", toolbox.ErrOtherPayload},
	} {
		tt.b.SetCosign([]byte(tt.file))
		if _, err := policy.Verify(tt.b); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
}

func TestKeys(t *testing.T) {
	key, public := keyPair(t)
	text, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	again, err := toolbox.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := again.Public(); err != nil || p.ID() != public.ID() {
		t.Errorf("key %v, %v, want %s", p, err, public.ID())
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	publicText, err := public.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"empty": nil, "text": []byte("x"), "private key": text, "RSA": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"broken": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der[:9]}), "two keys": append(publicText, publicText...),
	} {
		if _, err := toolbox.ParsePublicKey(file); !errors.Is(err, fault.BadKey) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "key.pem")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := toolbox.ReadPrivateKey(file); !errors.Is(err, fault.OpenKey) {
		t.Errorf("a private key that all can read: %v", err)
	}
}

func TestLoadTrust(t *testing.T) {
	key, public := keyPair(t)
	_, old := keyPair(t)
	dir, user := t.TempDir(), t.TempDir()
	put := func(folder, name string, k *toolbox.PublicKey, mode os.FileMode) string {
		text, err := k.MarshalPEM()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, text, mode), os.Chmod(file, mode)); err != nil {
			t.Fatal(err)
		}
		return file
	}
	put(user, "trusted.d/team.pub", public, 0o644)
	put(dir, "trusted.d/old.pub", old, 0o644)
	if err := os.WriteFile(filepath.Join(dir, "trusted.d/README"), []byte("not a key"), 0o644); err != nil {
		t.Fatal(err)
	}
	trust, err := toolbox.LoadTrust(dir, user, filepath.Join(dir, "nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := (&toolbox.Policy{Trust: trust, Now: now}).Verify(signed(t, good(), key))
	if err != nil || box.Parts()[0].Key != "team" {
		t.Errorf("signed by %+v, %v, want team", box, err)
	}
	file := put(dir, "revoked.d/team.pub", public, 0o644)
	if trust, err = toolbox.LoadTrust(dir, user); err != nil {
		t.Fatal(err)
	}
	if _, err := (&toolbox.Policy{Trust: trust, Now: now}).Verify(signed(t, good(), key)); !errors.Is(err, toolbox.ErrRevokedKey) {
		t.Errorf("a revoked key: %v", err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := toolbox.LoadTrust(dir); !errors.Is(err, fault.Writable) {
		t.Errorf("a key that all can write: %v", err)
	}
}

func FuzzParseEnvelope(f *testing.F) {
	key, public := keyPair(f)
	f.Add(signed(f, good(), key).Envelope())
	policy := toolbox.Policy{Trust: toolbox.NewTrust(public), Now: now}
	b := good().bundle(f)
	f.Fuzz(func(_ *testing.T, data []byte) {
		b.SetEnvelope(data)
		_, _ = policy.Verify(b)
		b.SetCosign(data)
		b.SetEnvelope(nil)
		_, _ = policy.Verify(b)
		b.SetCosign(nil)
	})
}
