// Package attack has no code, only attacks. In each test a hostile container, or a user, tries as
// hard as it can against the dlx program, and the test looks at what it got. DLX_ATTACK=long tries
// each race a hundred thousand times. Without it each takes seconds.
package attack
