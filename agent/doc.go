// Package agent does an engine's work for people who are not root: it knows who asks, asks a policy
// and keeps a record.
package agent
