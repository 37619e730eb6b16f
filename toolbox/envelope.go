package toolbox

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"dlx/fault"
)

// PayloadType is what an envelope says that it holds.
const PayloadType = "application/vnd.dlx.toolbox.manifest.v1+json"

// EnvelopeName and CosignName are the names of signatures in a bundle.
const (
	EnvelopeName = "manifest.dsse.json"
	CosignName   = "manifest.json.sig"
)

// Envelope is a DSSE envelope around a manifest's exact bytes.
// The format is version 1 of github.com/secure-systems-lab/dsse.
type Envelope struct {
	PayloadType string              `json:"payloadType"`
	Payload     string              `json:"payload"` // base64
	Signatures  []EnvelopeSignature `json:"signatures"`
}

// EnvelopeSignature is one of an envelope's.
type EnvelopeSignature struct {
	KeyID string `json:"keyid"` // a hint, which nothing relies on
	Sig   string `json:"sig"`   // base64
}

// Bounds of signatures.
const (
	maxEnvelope   = 2 * maxManifest
	maxSignatures = 16
	maxCosign     = 1 << 20 // bytes, certificates and log entries included
)

// preAuth is the bytes that are signed: DSSE's pre-authentication encoding.
func preAuth(payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(PayloadType), PayloadType, len(payload), payload)
}

// Sign returns an envelope around a manifest with signatures of the keys. It keeps other keys'
// signatures of an earlier envelope around the same bytes.
func Sign(manifest []byte, earlier *Envelope, keys ...*PrivateKey) (*Envelope, error) {
	e := &Envelope{PayloadType: PayloadType, Payload: base64.StdEncoding.EncodeToString(manifest)}
	signed := map[string]bool{}
	for _, k := range keys {
		public, err := k.Public()
		if err != nil {
			return nil, err
		}
		sig, err := k.sign(preAuth(manifest))
		if err != nil {
			return nil, err
		}
		signed[public.ID()] = true
		e.Signatures = append(e.Signatures, EnvelopeSignature{public.ID(), base64.StdEncoding.EncodeToString(sig)})
	}
	if earlier != nil && earlier.Payload == e.Payload {
		for _, s := range earlier.Signatures {
			if !signed[s.KeyID] {
				e.Signatures = append(e.Signatures, s)
			}
		}
	}
	if len(e.Signatures) > maxSignatures {
		return nil, fmt.Errorf("sign: more than %d signatures", maxSignatures)
	}
	return e, nil
}

// ParseEnvelope reads an envelope and returns its payload.
func ParseEnvelope(data []byte) (e *Envelope, payload []byte, err error) {
	if len(data) > maxEnvelope {
		return nil, nil, fmt.Errorf("read the signature: longer than %d bytes", maxEnvelope)
	}
	e = &Envelope{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(e); err != nil {
		return nil, nil, fmt.Errorf("read the signature: %w", err)
	}
	switch {
	case dec.More():
		return nil, nil, errors.New("read the signature: more follows it")
	case e.PayloadType != PayloadType:
		return nil, nil, fmt.Errorf("read the signature: it is of a %.80q", e.PayloadType)
	case len(e.Signatures) > maxSignatures:
		return nil, nil, fmt.Errorf("read the signature: more than %d of them", maxSignatures)
	}
	if payload, err = base64.StdEncoding.Strict().DecodeString(e.Payload); err != nil {
		return nil, nil, fmt.Errorf("read the signature: %w", err)
	}
	return e, payload, nil
}

// signers are the keys whose signatures of the payload are right.
func (e *Envelope) signers(payload []byte, keys []*PublicKey) (list []*PublicKey) {
	message := preAuth(payload)
	for _, s := range e.Signatures {
		sig, err := base64.StdEncoding.Strict().DecodeString(s.Sig)
		if err != nil {
			continue
		}
		for _, k := range keys {
			if k.verify(message, sig) {
				list = append(list, k)
			}
		}
	}
	return list
}

// ReadCosign reads a file that `cosign sign-blob` wrote.
func ReadCosign(name string) (data []byte, err error) {
	f, err := os.Open(name)
	if err == nil {
		defer func() { _ = f.Close() }() // was only read
		data, err = io.ReadAll(io.LimitReader(f, maxCosign+1))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("read cosign's signature: %w", err)
	case len(data) > maxCosign:
		return nil, badCosign(fmt.Errorf("%s is longer than %d bytes", name, maxCosign))
	}
	return data, nil
}

// AddCosign gives the bundle a signature that cosign made of its manifest, in place of an earlier
// one. Only its key tells whose it is. A signature that can not be read, or says that it is of
// another manifest, is a fault.BadSignature.
func (b *Bundle) AddCosign(data []byte) error {
	if _, err := cosignSignature(data, b.raw); err != nil {
		return badCosign(err)
	}
	b.cosign = data
	return nil
}

// badCosign reports what is no signature of this manifest by cosign.
func badCosign(err error) error {
	return fault.New(fault.BadSignature, "", "add cosign's signature: %w", err)
}

// cosignSignature takes the signature out of what `cosign sign-blob --key` writes:
// base64, or with --bundle a Sigstore bundle (github.com/sigstore/protobuf-specs,
// sigstore_bundle.proto) or its predecessor. A bundle's digest is a hint: it tells
// a signature of something else from a stranger's.
func cosignSignature(data, manifest []byte) ([]byte, error) {
	text := string(bytes.TrimSpace(data))
	if len(text) > 0 && text[0] == '{' {
		var b cosignBundle
		if err := json.Unmarshal(data, &b); err != nil {
			return nil, refuse(ErrOtherPayload, CosignName, "can not be read: %v", err)
		}
		sum := sha256.Sum256(manifest)
		if d := b.New.Digest; d.Algorithm == "SHA2_256" && d.Digest != base64.StdEncoding.EncodeToString(sum[:]) {
			return nil, refuse(ErrOtherPayload, CosignName, "signs another manifest")
		}
		text = cmp.Or(b.New.Signature, b.Old)
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(sig) == 0 {
		return nil, refuse(ErrOtherPayload, CosignName, "can not be read: it has no signature as cosign sign-blob --key writes it")
	}
	return sig, nil
}

// cosignBundle is what there is to read in either form of cosign's --bundle.
type cosignBundle struct {
	Old string `json:"base64Signature"`
	New struct {
		Digest struct {
			Algorithm string `json:"algorithm"`
			Digest    string `json:"digest"` // base64
		} `json:"messageDigest"`
		Signature string `json:"signature"` // base64
	} `json:"messageSignature"`
}
