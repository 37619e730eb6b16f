// Package attack has no code, only attacks: each test lets a hostile container, or a user, try as
// hard as it can against the dlx program, as a user runs it, and looks at what it got.
// DLX_ATTACK=long tries each race a hundred thousand times; without it each takes seconds.
package attack
