/*
 * options.c
 *		Options that csec_verify and csec_export share.                 [FE]
 */
#include "verify/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "verify/finding.h"

bool
csec_connection_option(CsecServer *server, int option, const char *value)
{
	switch (option)
	{
		case 'd':
			server->dbname = value;
			return true;
		case 'h':
			server->host = value;
			return true;
		case 'p':
			server->port = value;
			return true;
		case 'U':
			server->user = value;
			return true;
		case 'w':
			server->prompt = -1;
			return true;
		case 'W':
			server->prompt = 1;
			return true;
		default:
			return false;
	}
}

int
csec_option_number(const char *name, const char *value, int min, int max)
{
	char	   *end;
	long		v;

	errno = 0;
	v = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || v < min || v > max)
		csec_fail("%s must be a number from %d to %d", name, min, max);
	return (int) v;
}

void
csec_print_version(const char *program)
{
	printf("%s (csec) %s\n", program, CSEC_VERSION);
	exit(CSEC_EXIT_VERIFIED);
}
