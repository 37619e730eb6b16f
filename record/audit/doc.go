// Package audit is the record of what was done to containers: lines of JSON, each with the digest
// of the one before it and a signature.
//
// A line is on the disk before the work that it tells of begins. Each epoch has a signing key of
// its own. A checkpoint, the epoch's last line, names the next epoch's public key, and then the
// private one of its own epoch is gone from memory and disk. Who takes the host over finds the
// current key alone: no line of an earlier epoch can be made, changed or taken out without notice,
// given the first epoch's public key. Forward security of signatures is Anderson's ("Two Remarks on
// Public Key Cryptology", 1997). Unlike the seed of systemd's journal (FSS, journalctl(1)), what is
// kept off the host to verify with is no secret, and nobody can sign with it.
//
// The writer is for Linux; Verify and Read work everywhere.
package audit
