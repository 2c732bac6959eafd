# csec: built with PGXS.  "make help" lists what there is to make.
EXTENSION    = csec
EXTVERSION   = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" csec.control)
MODULE_big   = csec

# Every C file below src but the programs, floor by floor.
FLOORS       = util crypto keys policy types audit capture sealer
SOURCES      = $(sort $(wildcard src/*.[ch] src/*/*.[ch]))
SRCS         = $(sort $(wildcard src/*.c $(FLOORS:%=src/%/*.c)))
OBJS         = $(SRCS:.c=.o)

# The programs for auditors, each in the file of its name: what they share of src/verify, and
# the [FE] files of the server that they need.  No server code but these.
PROGRAMS     = csec_verify csec_export
VERIFY_SRCS  = $(sort $(wildcard src/verify/*.c))
FE_SRCS      = $(filter-out $(PROGRAMS:%=src/verify/%.c),$(VERIFY_SRCS)) \
               $(addprefix src/audit/,chain.c checkpoint.c columns.c cut.c cut_check.c merkle.c part_cache.c record.c signed_note.c stored.c) \
               $(addprefix src/crypto/,hash.c mac.c sign.c timestamp.c) src/util/secure_block.c
FE_OBJS      = $(FE_SRCS:.c=.fe.o)

# The install script is its parts, in the order of their numbers.
SQL_PARTS    = $(sort $(wildcard sql/parts/*.sql))
DATA_built   = sql/csec--$(EXTVERSION).sql

# PostgreSQL 15 first, where several are installed.
PG_CONFIG   ?= $(firstword $(wildcard /usr/lib/postgresql/15/bin/pg_config) pg_config)
WARNINGS     = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare
# Nothing is exported but what says so; before 16 PGDLLEXPORT is empty here.
PG_CPPFLAGS  = -I$(CURDIR)/src '-DPGDLLEXPORT=__attribute__((visibility("default")))'
PG_CFLAGS    = -std=gnu11 $(WARNINGS) -fvisibility=hidden
SHLIB_LINK   = -lcrypto
EXTRA_CLEAN  = $(PROGRAMS) build results tmp_check $(wildcard sql/csec--*.sql) \
               $(wildcard src/*/*.o src/*/*.bc)

# Before "make deps" there is no PGXS: then only what needs none can be made.
PGXS        := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)

include $(PGXS)

# Server headers are not ours to warn about.
override CPPFLAGS := $(patsubst -I$(pkgincludedir)/%,-isystem $(pkgincludedir)/%, \
                     $(subst -I$(includedir_server),-isystem $(includedir_server),$(CPPFLAGS)))

$(OBJS) $(OBJS:.o=.bc) $(FE_OBJS) $(PROGRAMS:%=src/verify/%.fe.o): $(wildcard src/*/*.h)

# PGXS makes a module or a program, not both, so the programs have their own rules.
# libpq_pgport has had these too until PostgreSQL 17.
libpg        = -L$(pkglibdir) -lpgcommon -lpgport
FE_CPPFLAGS  = -DFRONTEND '-DCSEC_VERSION="$(EXTVERSION)"' -isystem $(libpq_srcdir) $(CPPFLAGS)

%.fe.o: %.c csec.control
	$(CC) $(filter-out $(CFLAGS_SL),$(CFLAGS)) -pthread $(FE_CPPFLAGS) -c -o $@ $<

$(PROGRAMS): %: src/verify/%.fe.o $(FE_OBJS)
	$(CC) $(filter-out $(CFLAGS_SL),$(CFLAGS)) $^ $(LDFLAGS) $(LDFLAGS_EX) $(libpq_pgport) $(libpg) -lcrypto -lm -pthread -o $@

all: $(PROGRAMS)
install: install-programs
uninstall: uninstall-programs

install-programs: $(PROGRAMS)
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(PROGRAMS) '$(DESTDIR)$(bindir)/'

uninstall-programs:
	rm -f $(PROGRAMS:%='$(DESTDIR)$(bindir)/%')

.PHONY: install-programs uninstall-programs

sql/csec--$(EXTVERSION).sql: $(SQL_PARTS) csec.control Makefile
	@mkdir -p sql
	{ printf '%s\n' '\echo Use "CREATE EXTENSION csec" to load this file. \quit'; cat $(SQL_PARTS); } > $@

# Every C file with the other compiler; the [FE] ones also without a server.
CLANG_CHECK  = $(CLANG) -fsyntax-only -std=gnu11 $(WARNINGS) $(CPPFLAGS)
# (what was checked, and with which compiler for which PostgreSQL, is not checked again)
CLANG_OUT    = build/clang/$(notdir $(CLANG))-$(MAJORVERSION)
CLANG_DONE   = $(SRCS:%.c=$(CLANG_OUT)/%.ok) \
               $(patsubst %.c,$(CLANG_OUT)/%.fe.ok,$(VERIFY_SRCS) $(shell grep -lF '[FE]' $(SRCS)))
clang: $(CLANG_DONE)

$(CLANG_DONE): $(wildcard src/*/*.h) csec.control Makefile

$(CLANG_OUT)/%.fe.ok: %.c
	@mkdir -p $(@D)
	@$(CLANG_CHECK) $(FE_CPPFLAGS) $< && touch $@

$(CLANG_OUT)/%.ok: %.c
	@mkdir -p $(@D)
	@$(CLANG_CHECK) $< && touch $@

else

.DEFAULT_GOAL = all
all install clean clang:
	@echo 'No PostgreSQL to build with ($(PG_CONFIG)): run "make deps" first.' >&2; exit 1

endif

.PHONY: deps test test-faults test-report test-sanitize test-sqlsmith test-core demo try bench bench-trail bench-proofs bench-verify clang lint format dist help print-PG_CONFIG

deps:
	@tests/lib/deps

test: deps
	@tests/run

# An hour, or CSEC_FAULTS_SECONDS; what happened stands in build/test/tap/load_faults.log.
test-faults: deps
	@TMPDIR=$${TMPDIR:-/tmp} CSEC_FAULTS_SECONDS=$${CSEC_FAULTS_SECONDS:-3600} CSEC_TEST_TIMEOUT=$$((2 * $${CSEC_FAULTS_SECONDS:-3600} + 600)) \
		tests/run tap load_faults; rc=$$?; grep '^#' build/test/tap/load_faults.log; exit $$rc

test-sanitize:
	@tests/lib/deps sanitize
	@tests/sanitize/run

test-sqlsmith:
	@tests/lib/deps sqlsmith
	@tests/sqlsmith/run

test-core:
	@tests/lib/deps core
	@tests/core/run

test-report:
	@tests/lib/deps report
	@tests/report/run

demo: deps
	@demo/run

try: deps
	@demo/try

bench: deps
	@PG_CONFIG='$(PG_CONFIG)' tests/bench/run

bench-trail: all
	@tests/bench/trail

bench-proofs: all
	@tests/bench/proofs

bench-verify: all
	@tests/bench/verify

lint: all clang
	@command -v cppcheck >/dev/null || { echo 'cppcheck is not installed: left out'; exit 0; }; \
	cppcheck -q --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
		--suppress=unknownMacro --suppress=nullPointer --suppress=uninitvar --suppress=shiftTooManyBitsSigned -Isrc src

	@command -v pg_bsd_indent >/dev/null || { echo 'pg_bsd_indent is not installed: left out'; exit 0; }; \
	echo 'What "make format" would change:'; tests/lib/indent --report $(SOURCES)

format: all
	@tests/lib/indent $(SOURCES)

# The release: what git has at HEAD, with the version put into META.json.
dist:
	@mkdir -p build
	sed 's/@VERSION@/$(EXTVERSION)/' META.json > build/META.json
	git archive --format=zip --prefix=csec-$(EXTVERSION)/ --add-file=build/META.json \
		-o build/csec-$(EXTVERSION).zip HEAD

print-PG_CONFIG:
	@echo '$(PG_CONFIG)'

help:
	@echo 'make           build csec'
	@echo 'make install   install it into the PostgreSQL of PG_CONFIG ($(PG_CONFIG))'
	@echo 'make deps      install what is missing to build and test (Debian packages)'
	@echo 'make demo      see csec at work on a throw-away server'
	@echo 'make try       a throw-away server with sample customers, to follow the guides on'
	@echo 'make test      run every test; "tests/run KIND NAME" runs some of them'
	@echo 'make test-faults   an hour of load while the server is killed, filled up and lost'
	@echo 'make test-sanitize run the tests with csec under AddressSanitizer, UBSan and valgrind (two hours)'
	@echo 'make test-sqlsmith random statements by roles without clearance: CSEC_SQLSMITH_SECONDS (300)'
	@echo 'make test-core     the regression tests of PostgreSQL itself, with csec in the server (Debian source package)'
	@echo 'make test-report   open the pages of the security record in a browser: build/report'
	@echo 'make bench     measure csec beside plain PostgreSQL and its peers (20 minutes)'
	@echo 'make bench-trail   questions to a large trail, and whether alerts keep up'
	@echo 'make bench-proofs  proofs in a tree over 100 million records'
	@echo 'make bench-verify  csec_verify on evidence and on a server, in records a second'
	@echo 'make lint      compile with clang, check with cppcheck, report on layout'
	@echo 'make format    lay the C files out as PostgreSQL does (pg_bsd_indent)'
	@echo 'make dist      the release as build/csec-$(EXTVERSION).zip'
	@echo 'make clean     remove what was built'
