// Package testutil has what the tests of dlx share. Tests start real containers, terminals and
// runtimes, and their clean-up removes just these, by ID. There are requirement helpers, and a
// TestMain that fails on leaks.
//
// A requirement that is not met skips the test. With DLX_TEST_NO_SKIP=1, which CI sets, it fails
// the test: so no test is left out unseen.
package testutil
