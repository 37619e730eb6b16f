// Package replay reads capture files, dlx's and others': pcapng, and
// pcap in each of its forms, also compressed by gzip. Files are hostile:
// their reader has no privileges, and keeps bounded state.
//
// It is a library that others may import. Beside its own types its signatures have those of
// packages pcapng and filter, which are libraries too.
package replay
