package build

// RedirectLoader is redirectLoader, for tests.
var RedirectLoader = redirectLoader
