// Package testutil has what the tests of dlx share: real containers, terminals and engines that a
// test starts and that its clean-up takes away by the ids it was given, the requirement helpers,
// and a TestMain that fails on leaks.
//
// A requirement that is not met skips the test, or fails it when DLX_TEST_NO_SKIP=1: CI sets that,
// so that no test is left out unseen.
package testutil
