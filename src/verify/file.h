/*
 * file.h
 *		Files that fit into memory, and the names of those that do not. [FE]
 */
#ifndef CSEC_VERIFY_FILE_H
#define CSEC_VERIFY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The whole file, with a zero behind it; one above max bytes is a failure. */
extern char *csec_file_read(const char *path, size_t max, size_t *len);
extern char *csec_file_read_open(FILE *file, const char *path, size_t max, size_t *len);

/* Its SHA-256, however long it is; then it stands at its beginning again. */
extern void csec_file_digest(FILE *file, const char *path, uint8_t *digest);

/* DIRECTORY/NAME, to be freed. */
extern char *csec_file_path(const char *directory, const char *name);

extern bool csec_is_directory(const char *path);

/* Open a file to read it, or make one that is not there yet to write it. */
extern FILE *csec_file_open(const char *path);

/* ... where somebody else has put it: no pipe, no device, a link only where these are followed. */
extern FILE *csec_file_open_ordinary(const char *path, bool follow);
extern FILE *csec_file_make(const char *path);

/* Write; close, flushed to the disk.  Failures end the program. */
extern void csec_file_write(FILE *file, const char *path, const void *data, size_t len);
extern void csec_file_close(FILE *file, const char *path);

#endif							/* CSEC_VERIFY_FILE_H */
