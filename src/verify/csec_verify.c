/*
 * csec_verify.c
 *		csec_verify: is a trail what was sealed?  Without trusting the
 *		server that keeps it.                                           [FE]
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/chain.h"
#include "verify/bundle_read.h"
#include "verify/fork.h"
#include "verify/kept_files.h"
#include "verify/live.h"
#include "verify/options.h"
#include "verify/progress.h"
#include "verify/report.h"

#define PROGRAM		"csec_verify"
#define MAX_JOBS	256

/* A trail to look at: a bundle, or else the server. */
typedef struct Place
{
	const char *bundle;
	CsecServer	server;
} Place;

typedef struct Options
{
	Place		place[2];
	int			places;
	int			jobs;
	const char *since;
	bool		json;
	bool		quiet;
	int			witnesses;		/* so many must have signed; 0: all given */
	int			within;			/* seconds to be stamped in; 0: whenever */
	int			given;			/* --from, --key, --witness, --tsa-ca, in their order */
	struct
	{
		int			what;
		const char *value;
	}			trusted[64];
} Options;

enum
{
	OPT_FROM = 256,
	OPT_KEY,
	OPT_WITNESS,
	OPT_WITNESSES,
	OPT_TSA_CA,
	OPT_WITHIN,
	OPT_SINCE,
	OPT_JSON,
	OPT_AGAINST,
	OPT_HELP
};

static const struct option long_options[] = {
	CSEC_CONNECTION_LONG_OPTIONS,
	{"file", required_argument, NULL, 'f'},
	{"from", required_argument, NULL, OPT_FROM},
	{"key", required_argument, NULL, OPT_KEY},
	{"witness", required_argument, NULL, OPT_WITNESS},
	{"witnesses", required_argument, NULL, OPT_WITNESSES},
	{"tsa-ca", required_argument, NULL, OPT_TSA_CA},
	{"stamped-within", required_argument, NULL, OPT_WITHIN},
	{"since", required_argument, NULL, OPT_SINCE},
	{"against", required_argument, NULL, OPT_AGAINST},
	{"jobs", required_argument, NULL, 'j'},
	{"json", no_argument, NULL, OPT_JSON},
	{"quiet", no_argument, NULL, 'q'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0}
};

static void
help(void)
{
	printf("%s verifies an audit trail of csec without trusting its server.\n\n"
		   "Usage:\n"
		   "  %s [OPTION]... [DBNAME]\n"
		   "  %s [OPTION]... -f EVIDENCE\n\n"
		   "Options:\n"
		   "  -f, --file=EVIDENCE      a bundle that csec_export wrote, in place of a server\n"
		   "      --from=FILE          a checkpoint (or several, or a folder of them) that you kept:\n"
		   "                           the trail must still be what it was signed over\n"
		   "      --key=KEY            key of the first checkpoint, or the file that has it\n"
		   "      --witness=KEY        key of a witness who must have signed (repeat for others)\n"
		   "      --witnesses=NUM      so many of these are enough, for one checkpoint\n"
		   "      --tsa-ca=FILE        certificates (PEM) of an authority, or its issuer: its\n"
		   "                           time stamps must be there, and agree with the trail\n"
		   "      --stamped-within=SECONDS\n"
		   "                           each checkpoint was stamped so soon, or one behind it\n"
		   "      --since=WHEN         begin at the last checkpoint before this record\n"
		   "                           number, or time of sealing\n"
		   "      --against=COPY       another copy of the trail, evidence or a connection\n"
		   "                           string: have they parted?\n"
		   "  -j, --jobs=NUM           work with so many threads (one for each processor)\n"
		   "      --json               tell the verdict in JSON\n"
		   "  -q, --quiet              no progress, no report, the exit code alone\n"
		   "  -V, --version            tell the version\n"
		   "  -?, --help               show this\n\n"
		   CSEC_CONNECTION_HELP
		   "\nExit code: 0 verified, 1 tampering found, 2 could not verify.\n",
		   PROGRAM, PROGRAM, PROGRAM);
	exit(CSEC_EXIT_VERIFIED);
}

static void
trust(Options *options, int what, const char *value)
{
	if (options->given == (int) (sizeof(options->trusted) / sizeof(options->trusted[0])))
		csec_fail("too many keys and checkpoints");
	options->trusted[options->given].what = what;
	options->trusted[options->given++].value = value;
}

static void
set_against(Options *options, const char *value)
{
	Place	   *place = &options->place[1];

	options->places = 2;
	place->server.program = PROGRAM;
	if (strchr(value, '=') != NULL || strstr(value, "://") != NULL)
		place->server.dbname = value;
	else
		place->bundle = value;
}

static void
take_option(Options *options, int option, const char *value)
{
	switch (option)
	{
		case 'f':
			if (options->place[0].bundle != NULL)
				csec_fail("one evidence at a time; --against compares with another");
			options->place[0].bundle = value;
			break;
		case 'j':
			options->jobs = csec_option_number("-j", value, 1, MAX_JOBS);
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'V':
			csec_print_version(PROGRAM);
			break;
		case OPT_FROM:
		case OPT_KEY:
		case OPT_WITNESS:
		case OPT_TSA_CA:
			trust(options, option, value);
			break;
		case OPT_WITNESSES:
			options->witnesses = csec_option_number("--witnesses", value, 1, INT_MAX);
			break;
		case OPT_WITHIN:
			options->within = csec_option_number("--stamped-within", value, 1, INT_MAX);
			break;
		case OPT_SINCE:
			options->since = value;
			break;
		case OPT_HELP:
			help();
			break;
		case OPT_AGAINST:
			set_against(options, value);
			break;
		case OPT_JSON:
			options->json = true;
			break;
		default:
			if (!csec_connection_option(&options->place[0].server, option, value))
				csec_fail("try \"" PROGRAM " --help\"");
	}
}

static void
parse(Options *options, int argc, char **argv)
{
	long		processors = sysconf(_SC_NPROCESSORS_ONLN);
	int			option;

	memset(options, 0, sizeof(*options));
	options->places = 1;
	options->jobs = processors < 1 ? 1 : processors > MAX_JOBS ? MAX_JOBS : (int) processors;
	options->place[0].server.program = PROGRAM;
	if (argc > 1 && (strcmp(argv[1], "-?") == 0 || strcmp(argv[1], "--help") == 0))
		help();
	while ((option = getopt_long(argc, argv, CSEC_CONNECTION_OPTIONS "f:j:qV",
								 long_options, NULL)) != -1)
		take_option(options, option, optarg);
	if (optind < argc && options->place[0].server.dbname == NULL)
		options->place[0].server.dbname = argv[optind++];
	if (optind < argc)
		csec_fail("too many arguments, the first of them \"%s\"", argv[optind]);
	if (options->place[0].bundle != NULL && options->place[0].server.dbname != NULL)
		csec_fail("either a server or evidence (-f)");
	if (options->since != NULL && options->place[0].bundle != NULL)
		csec_fail("--since is for a server; evidence is verified as a whole");
}

/* ---- one trail ---- */

static void
trust_all(const Options *options, CsecCheckpoints *checkpoints)
{
	CsecVouchers *vouchers = &checkpoints->vouchers;

	for (int i = 0; i < options->given; i++)
	{
		const char *value = options->trusted[i].value;

		switch (options->trusted[i].what)
		{
			case OPT_FROM:
				csec_trust_path(checkpoints, value);
				break;
			case OPT_KEY:
				csec_keys_add(&checkpoints->key, value);
				break;
			case OPT_WITNESS:
				csec_keys_add(&vouchers->witness, value);
				break;
			default:
				csec_vouchers_certify(vouchers, value);
		}
	}
	if (options->witnesses > vouchers->witness.count)
		csec_fail("--witnesses asks for %d, and %d were given with --witness",
				  options->witnesses, vouchers->witness.count);
	if (options->within > 0 && vouchers->certificates_len == 0)
		csec_fail("--stamped-within needs an authority: see --tsa-ca");
	vouchers->needed = options->witnesses;
	vouchers->within = options->within;
}

static void
fill_report(CsecReport *report, const CsecSource *source, const CsecTrail *trail,
			const CsecCheckpoints *checkpoints)
{
	report->name = source->name;
	report->selection = NULL;
	if (source->start != NULL)
	{
		report->granted = source->start->size;
		report->granted_by = source->start->epoch;
	}
	report->first = trail->first;
	report->last = trail->last;
	report->records = trail->records;
	memcpy(report->hash, trail->hash, CSEC_HASH_SIZE);
	report->anchored = trail->anchored;
	report->checkpoints = checkpoints->stored;
	report->vouched = checkpoints->vouchers.vouched;
	report->trusted = checkpoints->trusted;
	report->known_keys = checkpoints->loose == NULL && (checkpoints->trusted > 0 || checkpoints->key.count > 0);
	if (checkpoints->loose != NULL && checkpoints->trusted > 0)
		report->known_until = checkpoints->loose->seq - 1;
	csec_report_finding(report, &trail->finding);
	csec_report_finding(report, &checkpoints->finding);
}

static CsecSource *
open_place(const Options *options, Place *place)
{
	if (place->bundle != NULL)
		return csec_bundle_open(place->bundle);
	return csec_live_open(&place->server, options->jobs,
						  place == &options->place[0] ? options->since : NULL);
}

/* Leaves the source open, and the trail's figures, for a comparison. */
static CsecSource *
verify(const Options *options, Place *place, CsecTrail *trail, CsecReport *report)
{
	CsecSource *source = open_place(options, place);
	CsecCheckpoints checkpoints;
	CsecPool	pool = {options->jobs, csec_progress};
	uint8_t		before[CSEC_HASH_SIZE];
	int64_t		from = 1;
	CsecFinding own;
	CsecFinding left = {0};

	csec_checkpoints_init(&checkpoints, source->system, source->database_id);
	trust_all(options, &checkpoints);
	source->checkpoints(source, &checkpoints);
	csec_checkpoints_settle(&checkpoints);
	if (source->settled != NULL)
		source->settled(source, &checkpoints);
	memcpy(before, csec_chain_start, CSEC_HASH_SIZE);
	from = place->bundle == NULL ? csec_live_from(source, before) : csec_bundle_from(source, before);
	csec_trail_begin(trail, from, before, &checkpoints);
	if (source->anchor != NULL)
		csec_trail_resume(trail, source->anchor);
	if (source->start != NULL)
		csec_trail_go_on(trail, source->start);
	trail->selected = source->selected;
	trail->with_tree = trail->with_tree && !source->selected;

	if (place->bundle == NULL)
		csec_live_left(source, &checkpoints, &left);
	csec_progress_begin(source->name, !options->quiet);
	csec_pool_run(&pool, source, trail);
	if (source->read_all != NULL)
		source->read_all(source, trail);
	csec_trail_check_end(trail, &source->head);
	source->finish(source, trail);
	csec_progress_end();
	if (!source->selected && trail->finding.problem == NULL)
		csec_chains_check(&checkpoints.chains,
						  source->start != NULL ? source->start->size : 0, &checkpoints.finding);

	memset(report, 0, sizeof(*report));
	own = place->bundle != NULL ? csec_bundle_files(source) : csec_live_tables(source);
	csec_report_finding(report, &own);
	csec_report_finding(report, &left);
	csec_report_finding(report, &checkpoints.foreign);
	fill_report(report, source, trail, &checkpoints);
	report->part = options->since != NULL && place == &options->place[0];
	if (place->bundle != NULL)
	{
		report->is_bundle = true;
		report->manifest = *csec_bundle_manifest(source);
		report->unproved = csec_bundle_unproved(source);
		report->selection = source->selected ? report->manifest.selection : NULL;
		memcpy(report->digest, csec_bundle_digest(source), CSEC_HASH_SIZE);
	}
	csec_trail_end(trail);
	csec_checkpoints_free(&checkpoints);
	trail->checkpoints = NULL;
	return source;
}

/* The name of a source with where it is. */
static const char *
full_name(const CsecSource *source)
{
	size_t		size;
	char	   *name;

	if (source->where == NULL)
		return source->name;
	size = strlen(source->name) + strlen(source->where) + sizeof(" at ");
	name = csec_alloc(size);
	snprintf(name, size, "%s at %s", source->name, source->where);
	return name;
}

/* Copies mostly have one name: what is told must be of one of them. */
static void
tell_apart(CsecSource **source, CsecReport *report)
{
	if (strcmp(source[0]->name, source[1]->name) != 0)
		return;
	for (int i = 0; i < 2; i++)
		source[i]->name = full_name(source[i]);
	if (strcmp(source[0]->name, source[1]->name) == 0)
		source[1]->name = "what --against names";
	for (int i = 0; i < 2; i++)
		report[i].name = source[i]->name;
}

int
main(int argc, char **argv)
{
	Options		options;
	CsecReport	report[2];
	CsecTrail	trail[2];
	CsecSource *source[2];
	bool		verified = true;
	bool		unproved = false;

	csec_fail_as(PROGRAM);
	parse(&options, argc, argv);
	for (int i = 0; i < options.places; i++)
		source[i] = verify(&options, &options.place[i], &trail[i], &report[i]);
	if (options.places == 2)
		tell_apart(source, report);
	if (options.places == 2 && report[0].findings == 0 && report[1].findings == 0)
	{
		CsecFinding parted = {0};

		csec_compare_trails(source[0], &trail[0], source[1], &trail[1], &parted);
		csec_report_finding(&report[0], &parted);
	}
	for (int i = 0; i < options.places; i++)
	{
		verified = verified && report[i].findings == 0;
		unproved = unproved || report[i].unproved;
	}
	if (options.json)
		csec_report_json(report, options.places, verified && !unproved);
	else if (!options.quiet)
		csec_report_text(report, options.places);
	/* nobody shall take a verdict that was not written for one that was */
	if (fflush(stdout) != 0 || ferror(stdout))
		csec_fail("could not write the verdict: %s", strerror(errno));
	for (int i = 0; i < options.places; i++)
		source[i]->close(source[i]);
	return !verified ? CSEC_EXIT_TAMPERED : unproved ? CSEC_EXIT_FAILED : CSEC_EXIT_VERIFIED;
}
