package layer

// UpperOf is for tests of what is in a mount table.
var UpperOf = upperOf
