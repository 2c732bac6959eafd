/*
 * options.h
 *		Options that csec_verify and csec_export share.                 [FE]
 */
#ifndef CSEC_VERIFY_OPTIONS_H
#define CSEC_VERIFY_OPTIONS_H

#include <getopt.h>

#include "verify/connection.h"

/* Short options of a connection, for getopt. */
#define CSEC_CONNECTION_OPTIONS "d:h:p:U:wW"
#define CSEC_CONNECTION_LONG_OPTIONS \
	{"dbname", required_argument, NULL, 'd'}, \
	{"host", required_argument, NULL, 'h'}, \
	{"port", required_argument, NULL, 'p'}, \
	{"username", required_argument, NULL, 'U'}, \
	{"no-password", no_argument, NULL, 'w'}, \
	{"password", no_argument, NULL, 'W'}

#define CSEC_CONNECTION_HELP \
	"Connection options, as psql has them:\n" \
	"  -d, --dbname=DBNAME      database, or connection string\n" \
	"  -h, --host=HOSTNAME      server, or directory of its socket\n" \
	"  -p, --port=PORT          port\n" \
	"  -U, --username=USERNAME  user name; a member of csec_auditor\n" \
	"  -w, --no-password        never ask for a password\n" \
	"  -W, --password           ask for a password first\n"

/* Takes one of them; false where it is none. */
extern bool csec_connection_option(CsecServer *server, int option, const char *value);

/* A whole number from min to max, or the end of the program. */
extern int	csec_option_number(const char *name, const char *value, int min, int max);

/* "csec_verify (csec) 0.0.0", and the end of the program, as --version wants. */
extern void csec_print_version(const char *program);

#endif							/* CSEC_VERIFY_OPTIONS_H */
