/*
 * csec_export.c
 *		csec_export: writes records of the trail as evidence, which
 *		csec_verify verifies without the server.                        [FE]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/chain.h"
#include "util/hex.h"
#include "verify/bundle_write.h"
#include "verify/export.h"
#include "verify/finding.h"
#include "verify/options.h"
#include "verify/progress.h"

#define PROGRAM "csec_export"

enum
{
	OPT_TABLE = 256,
	OPT_SUBJECT,
	OPT_PERSON,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_REASON,
	OPT_HELP
};

static const struct option long_options[] = {
	CSEC_CONNECTION_LONG_OPTIONS,
	{"output", required_argument, NULL, 'o'},
	{"table", required_argument, NULL, OPT_TABLE},
	{"subject", required_argument, NULL, OPT_SUBJECT},
	{"person", required_argument, NULL, OPT_PERSON},
	{"since", required_argument, NULL, OPT_SINCE},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"reason", required_argument, NULL, OPT_REASON},
	{"quiet", no_argument, NULL, 'q'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0}
};

typedef struct Options
{
	CsecServer	server;
	CsecSelection selection;
	const char *output;
	bool		quiet;
} Options;

static void
help(void)
{
	printf("%s writes records of csec's audit trail as evidence.\n\n"
		   "Usage:\n"
		   "  %s [OPTION]... -o FOLDER [DBNAME]\n\n"
		   "Options:\n"
		   "  -o, --output=FOLDER      the folder to make for it\n"
		   "      --table=TABLE        records about a customer of this table ...\n"
		   "      --subject=KEY        ... with this key\n"
		   "      --person=NAME        records of this login, role or actor\n"
		   "      --since=WHEN         from this record number, or time of sealing\n"
		   "      --until=WHEN         to this record number, or before this time\n"
		   "      --reason=TEXT        why; goes on record, and into the evidence\n"
		   "  -q, --quiet              no progress, no report\n"
		   "  -V, --version            tell the version\n"
		   "  -?, --help               show this\n\n"
		   "Without a selection all records are exported.\n\n"
		   CSEC_CONNECTION_HELP
		   "\nThe export goes on record, with the digest that is printed at its end.\n"
		   "Exit code: 0 exported, 2 failed.\n",
		   PROGRAM, PROGRAM);
	exit(CSEC_EXIT_VERIFIED);
}

static void
take_option(Options *options, int option, const char *value)
{
	switch (option)
	{
		case 'o':
			options->output = value;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'V':
			csec_print_version(PROGRAM);
			break;
		case OPT_TABLE:
			options->selection.table = value;
			break;
		case OPT_SUBJECT:
			options->selection.subject = value;
			break;
		case OPT_PERSON:
			options->selection.person = value;
			break;
		case OPT_SINCE:
			options->selection.since = value;
			break;
		case OPT_UNTIL:
			options->selection.until = value;
			break;
		case OPT_REASON:
			options->selection.reason = value;
			break;
		case OPT_HELP:
			help();
			break;
		default:
			if (!csec_connection_option(&options->server, option, value))
				csec_fail("try \"" PROGRAM " --help\"");
	}
}

static void
parse(Options *options, int argc, char **argv)
{
	int			option;

	memset(options, 0, sizeof(*options));
	options->server.program = PROGRAM;
	options->selection.reason = "";
	if (argc > 1 && strcmp(argv[1], "-?") == 0)
		help();
	while ((option = getopt_long(argc, argv, CSEC_CONNECTION_OPTIONS "o:qV",
								 long_options, NULL)) != -1)
		take_option(options, option, optarg);
	if (optind < argc && options->server.dbname == NULL)
		options->server.dbname = argv[optind++];
	if (optind < argc)
		csec_fail("too many arguments, the first of them \"%s\"", argv[optind]);
	if (options->output == NULL)
		csec_fail("name the folder to make with -o");
	if ((options->selection.table == NULL) != (options->selection.subject == NULL))
		csec_fail("--table and --subject go together");
}

int
main(int argc, char **argv)
{
	Options		options;
	CsecBundleWriter writer;
	uint8_t		digest[CSEC_HASH_SIZE];
	char		hex[2 * CSEC_HASH_SIZE + 1];
	CsecExport	export;

	csec_fail_as(PROGRAM);
	parse(&options, argc, argv);
	csec_export_begin(&export, &options.server, &options.selection,
					  PROGRAM " " CSEC_VERSION);
	csec_writer_open(&writer, options.output);
	csec_progress_begin(PROGRAM, !options.quiet);
	csec_export_write(&export, &writer);
	csec_progress_end();
	csec_writer_close(&writer, digest);
	csec_hex_put(hex, digest, CSEC_HASH_SIZE);
	csec_export_end(&export, hex);
	if (!options.quiet)
	{
		printf("%s: %llu records in %s\n", export.selection_text,
			   (unsigned long long) export.records, options.output);
		if (export.left_out > 0)
			printf("left out: %lld records that are under no checkpoint yet\n",
				   (long long) export.left_out);
		printf("digest: %s\n", hex);
	}
	/* what binds the evidence shall not be lost unnoticed */
	if (fflush(stdout) != 0 || ferror(stdout))
		csec_fail("exported, but could not write the digest: %s", strerror(errno));
	return CSEC_EXIT_VERIFIED;
}
