package build

// RedirectLoader is redirectLoader, for tests.
var RedirectLoader = redirectLoader

// ForgetHomes is forgetHomes, and LinkOver linkOver, for tests.
var (
	ForgetHomes = forgetHomes
	LinkOver    = linkOver
)
