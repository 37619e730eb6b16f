// Package cast records sessions as asciicast v2 and plays them. The format is that of
// https://docs.asciinema.org/manual/asciicast/v2/, which asciinema's own players take.
//
// What is shown is recorded before it is shown, and a recording that can not go on ends its
// session. To play one is safe: what reaches the terminal is text, colours and the cursor's
// movement, whatever the session has written.
//
// Output of standard output and of standard error are both "o", since the format has no other.
// Bytes that are not UTF-8 become U+FFFD each. A character of which a write has the beginning waits
// for its end. The recorder is for Linux; Reader and Play work everywhere.
package cast
