package outfile

// HoldOpen holds a directory that Walk has opened.
var HoldOpen = hold
