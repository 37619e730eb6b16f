// Package revocation knows which certificates are valid no more, by the lists that their CAs have
// signed (RFC 5280, 5).
package revocation
