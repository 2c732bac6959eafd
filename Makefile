# csec: build with PGXS.  `make help` lists the targets.
EXTENSION    = csec
EXTVERSION   = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" csec.control)
MODULE_big   = csec

# Every .c below src, floor by floor.
SRCS         = $(sort $(wildcard src/*.c src/util/*.c src/crypto/*.c src/keys/*.c src/policy/*.c \
                 src/types/*.c src/audit/*.c src/capture/*.c src/sealer/*.c))
OBJS         = $(SRCS:.c=.o)

# The install script is its parts, in the order of their numbers.
SQL_PARTS    = $(sort $(wildcard sql/parts/*.sql))
DATA_built   = sql/csec--$(EXTVERSION).sql

PG_CONFIG   ?= pg_config
PG_CPPFLAGS  = -I$(CURDIR)/src
PG_CFLAGS    = -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
               -fvisibility=hidden
SHLIB_LINK   = -lcrypto
EXTRA_CLEAN  = build results tmp_check $(DATA_built)

PGXS        := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Server headers are not ours to warn about.
override CPPFLAGS := $(subst -I$(includedir_server),-isystem $(includedir_server),$(CPPFLAGS))

$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*/*.h)

sql/csec--$(EXTVERSION).sql: $(SQL_PARTS)
	{ echo '\echo Use "CREATE EXTENSION csec" to load this file. \quit'; cat $(SQL_PARTS); } > $@
