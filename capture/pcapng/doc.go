// Package pcapng writes and reads capture files (the IETF's draft-ietf-opsawg-pcapng): sections,
// interfaces with nanosecond time stamps, packets with their direction, and statistics.
//
// Blocks are appended to a caller's buffer, so that many packets become one write without
// allocation. The Reader takes files of either byte order from anybody: it is bounded and never
// trusts a length. Raw reads whole blocks of the form that this package writes, where they lie.
//
// It is a library that others may import: no type of another package of the house is in its
// signatures.
package pcapng
