// Package captures keeps captures on an agent's disk that go on without their client: each is a
// file of pcapng, and beside it what it is of, for whom, and how far it has come. A capture that an
// agent's end has cut off goes on in a further section of the same file.
package captures
