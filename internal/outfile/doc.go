// Package outfile makes the files and folders that root makes for a user. As acts as
// that user. A Dir is a held directory, in which a file gets its name when it is whole.
// Others may write there, but they move nothing: no link is followed, only regular
// files are replaced, and nothing is waited for.
package outfile
