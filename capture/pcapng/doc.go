// Package pcapng writes and reads capture files (the IETF's draft-ietf-opsawg-pcapng): sections, interfaces with
// nanosecond time stamps, packets with their direction, and statistics.
//
// Blocks are appended to a caller's buffer, so that many packets become one write without allocation. The Reader takes
// files of either byte order from anybody: it is bounded and never trusts a length.
package pcapng
