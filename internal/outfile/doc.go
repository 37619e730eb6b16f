// Package outfile makes the files and folders that root makes for a user: As acts as that user, and
// a Dir is the directory, held, in which a file gets its name when it is whole. Wherever the name
// stands, whoever else writes there moves nothing: no link is followed, nothing but a regular file
// is replaced, and nothing is waited for.
package outfile
