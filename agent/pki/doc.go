// Package pki is a certificate authority (CA) for agents and their users: a folder with a key, what
// was issued with it, and the list of what was revoked (RFC 5280). Whoever has a CA can do without.
//
//	ca.key           Ed25519, PKCS #8; whoever has it can let anybody in
//	ca.crt           for both ends to trust
//	crl.pem          what was revoked, for agents
//	issued/NUMBER.crt  each certificate, written before anybody gets it
//
// A private key of what is issued is handed out and not kept. Each file appears whole or not at
// all.
package pki
