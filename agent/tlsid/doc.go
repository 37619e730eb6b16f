// Package tlsid is how an agent and its users know each other over TCP: mutual TLS 1.3, each end
// with a certificate of a CA that the other end trusts for this alone. A user's certificate names
// the user as the URI dlx://user/NAME (package identity); an agent's has the host's names.
//
// A certificate is good for one end only, is looked up in its CA's list of revoked ones, and is
// looked at again for as long as its connection is open. Files are read again when they change.
package tlsid
