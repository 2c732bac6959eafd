/*
 * data_directory.h
 *		Is a directory part of what every base backup carries off?
 */
#ifndef CSEC_UTIL_DATA_DIRECTORY_H
#define CSEC_UTIL_DATA_DIRECTORY_H

#include <stdbool.h>

/* Is it, or does it lie below, the data directory?  Links are followed. */
extern bool csec_in_data_directory(const char *path);

#endif							/* CSEC_UTIL_DATA_DIRECTORY_H */
